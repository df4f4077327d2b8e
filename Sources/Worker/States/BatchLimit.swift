/// The most requests in the next batch: the count bound, made smaller while batches take longer than the time bound.
package struct BatchLimit {
    package private(set) var records: Int
    private let maximum: Int
    private let duration: Duration

    package init(maximum: Int, duration: Duration) {
        self.maximum = maximum
        self.duration = duration
        records = maximum
    }

    /// A batch of this many requests took this long.
    ///
    /// - Parameter most: what it could have had: a lane that gives way takes a part of ``records``.
    package mutating func observe(records count: Int, of most: Int, took elapsed: Duration) {
        let isFull = count >= most
        if elapsed > duration {
            records = max(1, (isFull ? records : min(records, count)) / 2)
        } else if records < maximum, isFull, elapsed * 2 < duration {
            records = min(maximum, records * 2)
        }
    }
}
