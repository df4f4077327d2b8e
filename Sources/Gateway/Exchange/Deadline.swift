package import Platform

/// When a caller stops waiting, on this process's clock and on the clock that workers read.
package struct Deadline: Sendable {
    package let moment: MonotonicTime
    /// The same in Unix milliseconds.
    package let unixMilliseconds: Int64

    package init(moment: MonotonicTime, unixMilliseconds: Int64) {
        self.moment = moment
        self.unixMilliseconds = unixMilliseconds
    }

    /// The deadline this far from now.
    package init(in duration: Duration) {
        self.moment = MonotonicTime.now.advanced(by: duration)
        self.unixMilliseconds = UnixTime.milliseconds + duration.milliseconds
    }
}
