package import Platform

/// Decides whether more sentences may wait, counting sentences and not requests.
///
/// Two things refuse them. One is the plain limit on how many may wait, which bounds memory. The other is the time that
/// replies take: when for a whole interval even the quickest reply took longer than `patience`, then the workers have
/// fallen behind and whatever joined the queue now would only be answered too late. Refusing lets the queue drain. The
/// quickest reply counts, not the average, since one slow sentence is no sign of a queue; and an interval without any
/// reply says nothing (no worker may be running at all), so it refuses nobody. A verdict holds for the interval that
/// follows the one it is about, and no longer: what was slow an hour ago says nothing about now.
package struct Admission: Sendable {
    /// For how long replies are watched before a verdict, and for how long it holds.
    static let interval = Duration.milliseconds(250)

    /// How many sentences may wait at one time.
    package let limit: Int
    /// The longest that the quickest reply may take before new sentences are refused, in nanoseconds.
    package let patience: UInt64
    /// How many sentences wait now.
    package private(set) var waiting = 0

    /// When the last verdict that the workers have fallen behind ends.
    private var congestionEnd = MonotonicTime(nanoseconds: 0)
    private var quickest: UInt64?
    private var intervalEnd = MonotonicTime(nanoseconds: 0)

    package init(limit: Int, patience: Duration) {
        self.limit = limit
        self.patience = UInt64(clamping: patience.nanoseconds)
    }

    /// Takes a place for each of these sentences, or for none of them.
    package mutating func admit(_ count: Int, now: MonotonicTime) -> Bool {
        closeInterval(now: now)
        guard !isCongested(at: now), waiting + count <= limit else { return false }
        waiting += count
        return true
    }

    /// Whether the workers have been found to have fallen behind, just before `now`.
    package func isCongested(at now: MonotonicTime) -> Bool { now < congestionEnd }

    /// Gives places back.
    package mutating func release(_ count: Int) {
        waiting -= count
    }

    /// Notes how long a reply took, in nanoseconds from when its sentence was sent.
    package mutating func observe(latency: UInt64, now: MonotonicTime) {
        closeInterval(now: now)
        quickest = min(quickest ?? .max, latency)
    }

    private mutating func closeInterval(now: MonotonicTime) {
        guard now >= intervalEnd else { return }
        if let quickest, quickest > patience { congestionEnd = intervalEnd.advanced(by: Self.interval) }
        quickest = nil
        intervalEnd = now.advanced(by: Self.interval)
    }
}
