/// Lets one line of a kind through in a while, and counts those it holds back.
struct RepeatLimiter {
    private var kinds: [String: (last: ContinuousClock.Instant, suppressed: Int)] = [:]
    private let interval: Duration

    init(interval: Duration) { self.interval = interval }

    /// The number of lines of this kind held back since the last one that passed, or nil if this one is held back too.
    mutating func admit(_ kind: String, now: ContinuousClock.Instant) -> Int? {
        guard let state = kinds[kind] else {
            kinds[kind] = (now, 0)
            return 0
        }
        guard state.last.duration(to: now) >= interval else {
            kinds[kind] = (state.last, state.suppressed + 1)
            return nil
        }
        kinds[kind] = (now, 0)
        return state.suppressed
    }
}
