package import Platform

/// Admission control for sentences: decides whether more of them may wait for an answer.
///
/// Sentences are refused for two reasons. The first is `limit`, which bounds memory. The second is reply latency: if
/// even the fastest reply of an interval took longer than `patience`, the workers have fallen behind, and new sentences
/// would be answered too late. Refusing them lets the queue drain. The minimum counts and not the average, because one
/// slow sentence does not mean that there is a queue. An interval without replies refuses nothing, because no worker
/// may be running at all. A verdict holds only for the next interval.
package struct Admission: Sendable {
    /// How long replies are observed before a verdict, and how long the verdict holds.
    static let interval = Duration.milliseconds(250)

    /// The maximum number of waiting sentences.
    package let limit: Int
    /// The longest latency of the fastest reply before new sentences are refused, in nanoseconds.
    package let patience: UInt64
    /// The number of waiting sentences.
    package private(set) var waiting = 0

    /// When the last congestion verdict expires.
    private var congestionEnd = MonotonicTime(nanoseconds: 0)
    private var quickest: UInt64?
    private var intervalEnd = MonotonicTime(nanoseconds: 0)

    package init(limit: Int, patience: Duration) {
        self.limit = limit
        self.patience = UInt64(clamping: patience.nanoseconds)
    }

    /// Admits all of these sentences or none of them.
    package mutating func admit(_ count: Int, now: MonotonicTime) -> Bool {
        closeInterval(now: now)
        guard !isCongested(at: now), waiting + count <= limit else { return false }
        waiting += count
        return true
    }

    /// Whether the workers have fallen behind, as of `now`.
    package func isCongested(at now: MonotonicTime) -> Bool { now < congestionEnd }

    /// Releases `count` waiting sentences.
    package mutating func release(_ count: Int) {
        waiting -= count
    }

    /// Records the latency of a reply, in nanoseconds since its sentence was sent.
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
