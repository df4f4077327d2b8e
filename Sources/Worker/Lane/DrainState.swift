/// Takes a lane from running to stopped. A value: it is told what happens and returns what to do.
package struct DrainState {
    package enum Action: Hashable {
        /// Receive and answer.
        case run
        /// Receive nothing more; wait for the acknowledgement of what is in flight.
        case drain
        /// Commit, leave the group, end.
        case close
        /// Like ``close``, but with requests unanswered, since time is up. They stay uncommitted, for another worker.
        case abandon
    }

    private enum State {
        case running
        case draining(until: ContinuousClock.Instant)
    }

    private var state = State.running

    package init() {}

    package var isStopping: Bool {
        if case .draining = state { true } else { false }
    }

    /// The stop request. Only the first one counts.
    package mutating func stop(at now: ContinuousClock.Instant, within bound: Duration) {
        guard case .running = state else { return }
        state = .draining(until: now + bound)
    }

    package func action(at now: ContinuousClock.Instant, hasUnanswered: Bool) -> Action {
        switch state {
        case .running: .run
        case .draining where !hasUnanswered: .close
        case .draining(let end): now < end ? .drain : .abandon
        }
    }
}
