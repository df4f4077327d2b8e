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
    package mutating func observe(records count: Int, took elapsed: Duration) {
        if elapsed > duration {
            records = max(1, min(records, count) / 2)
        } else if records < maximum, count >= records, elapsed * 2 < duration {
            records = min(maximum, records * 2)
        }
    }
}
