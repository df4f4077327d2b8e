/// How much of its speed the bulk lane may use while callers wait: halved in each second in which brokers were late for more
/// than a hundredth of the time, given back slowly. A value, told once a second.
///
/// Additive increase, multiplicative decrease, as in TCP (RFC 5681): workers that share a broker find a balance without
/// knowing of each other. Slow to give back, since each try at more costs the callers of that moment, and one in a hundred
/// of them is what is to be spared.
package struct BulkShare {
    /// The bulk lane is never brought to a halt.
    package static let least = 0.1
    private static let step = 0.02
    private static let tolerated = 0.01
    /// So many seconds without an interactive request, and nobody is there to give way to.
    private static let patience = 10

    private var share = 1.0
    private var quietSeconds = patience

    package init() {}

    /// What the bulk lane may use, ``least`` to 1.
    package var current: Double { quietSeconds < Self.patience ? share : 1 }

    /// What a second was like.
    ///
    /// - Parameters:
    ///   - lateFraction: the part of the time, 0 to 1, that brokers were late.
    ///   - hasCallers: whether there were interactive requests.
    package mutating func observe(lateFraction: Double, hasCallers: Bool) {
        quietSeconds = hasCallers ? 0 : min(quietSeconds + 1, Self.patience)
        if hasCallers, lateFraction > Self.tolerated {
            share = max(Self.least, share / 2)
        } else {
            share = min(1, share + Self.step)
        }
    }

    /// How long to rest after so much work, so that it takes only this share of the time.
    package static func rest(after work: Duration, share: Double) -> Duration {
        // Bounded, since a lane that rests does not look after its group.
        min(work * (1 / max(least, share) - 1), .milliseconds(500))
    }
}
