/// How much of its speed the bulk lane may use while callers wait: cut in each second in which brokers were late for more than
/// is tolerated, by as much as they were, given back slowly. A value, told once a second.
///
/// Twice as late as with next to no bulk work is tolerated. So the lane gives way as far as that helps, and not to a network
/// that jitters, or a broker that is late for reasons of its own.
///
/// Additive increase, multiplicative decrease, as in TCP (RFC 5681): workers that share a broker find a balance without
/// knowing of each other. It begins with the least and is slow to give back, since each try at more costs the callers of
/// that moment, and one in a hundred of them is what is to be spared.
package struct BulkShare {
    /// The bulk lane is never brought to a halt.
    package static let least = 0.1
    private static let step = 0.02
    /// The least that is tolerated, a part of the time.
    private static let tolerated = 0.01
    /// With shares below it the bulk lane is not what makes brokers late.
    private static let harmless = 2 * least
    /// So many seconds without an interactive request, and nobody is there to give way to.
    private static let patience = 10

    /// What was found out while there were callers. Seconds without any teach nothing.
    private var share = least
    /// The part of the time that brokers are late without the bulk lane: an average over a few seconds.
    private var unavoidable = 0.0
    private var quietSeconds = patience

    package init() {}

    /// What the bulk lane may use, ``least`` to 1.
    package var current: Double { isIdle ? 1 : share }

    /// Whether the bulk lane gives way to nobody.
    package var isIdle: Bool { quietSeconds >= Self.patience }

    /// The first callers are here: the lane gives way at once, not when their first second is over.
    package mutating func callersCame() { quietSeconds = 0 }

    /// What a second was like.
    ///
    /// - Parameters:
    ///   - lateFraction: the part of the time, 0 to 1, that brokers were late.
    ///   - hasCallers: whether there were interactive requests.
    package mutating func observe(lateFraction: Double, hasCallers: Bool) {
        guard hasCallers else {
            quietSeconds = min(quietSeconds + 1, Self.patience)
            return
        }
        quietSeconds = 0
        // With more of a share, only brokers that are less late teach something.
        if share < Self.harmless || lateFraction < unavoidable { unavoidable += (lateFraction - unavoidable) / 4 }
        let tolerated = max(Self.tolerated, 2 * unavoidable)
        share =
            lateFraction > tolerated ? max(Self.least, share * tolerated / lateFraction) : min(1, share + Self.step)
    }

    /// The most records of a batch, of those that it may have at full speed. The lane takes its share in small pieces: who calls
    /// during one waits for the rest of it, at the worker as at the broker.
    package static func records(of most: Int, share: Double) -> Int {
        max(1, Int((Double(most) * max(least, share)).rounded()))
    }

    /// How long to rest after so much work, so that it takes only this share of the time.
    package static func rest(after work: Duration, share: Double) -> Duration {
        // Bounded, since a lane that rests does not look after its group.
        min(work * (1 / max(least, share) - 1), .milliseconds(500))
    }
}
