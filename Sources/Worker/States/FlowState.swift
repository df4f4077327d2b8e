/// Backpressure: may the lane receive? A value that is told how full the window of unanswered batches is and says what
/// to do. A window that stays full pauses the partitions, so that the consumer can be polled without receiving more.
package struct FlowState {
    package enum Action: Hashable {
        /// Receive.
        case receive
        /// Do not call the consumer.
        case hold
        /// Pause the partitions, then go on as ``poll``.
        case pause
        /// The partitions are paused: call the consumer only for its callbacks.
        case poll
        /// Resume the partitions, then receive.
        case resume
    }

    private enum State {
        case open
        case full(since: ContinuousClock.Instant)
        case paused
    }

    private var state = State.open
    private let pauseAfter: Duration

    package init(pauseAfter: Duration) {
        self.pauseAfter = pauseAfter
    }

    package var isPaused: Bool {
        if case .paused = state { true } else { false }
    }

    package mutating func action(at now: ContinuousClock.Instant, windowIsFull: Bool) -> Action {
        switch (state, windowIsFull) {
        case (.open, false):
            return .receive
        case (.open, true):
            state = .full(since: now)
            return .hold
        case (.full, false):
            state = .open
            return .receive
        case (.full(let since), true):
            guard now - since >= pauseAfter else { return .hold }
            state = .paused
            return .pause
        case (.paused, true):
            return .poll
        case (.paused, false):
            state = .open
            return .resume
        }
    }
}
