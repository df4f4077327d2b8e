/// What was received and waits to be answered, and whether more may be received. A value: the lane tells it what happens and
/// asks what to do.
///
/// More than one batch waits in it only when the consumer had to be polled while another was being sent.
package struct Inbox {
    private var waiting: [Batch] = []
    private var flow: FlowState
    private var limit: BatchLimit

    package init(settings: LaneSettings) {
        flow = FlowState(pauseAfter: settings.pauseAfter)
        limit = BatchLimit(maximum: settings.maximumBatchRecords, duration: settings.maximumBatchDuration)
    }

    package var isEmpty: Bool { waiting.isEmpty }
    package var count: Int { waiting.count }

    /// Whether partitions that come are to be paused.
    package var isPaused: Bool { flow.isPaused }

    /// The most requests to receive at once.
    package var maximumRecords: Int { limit.records }

    /// Whether to call the consumer, and how. `hasRoom`: whether a batch could be answered and sent.
    package mutating func action(at now: ContinuousClock.Instant, hasRoom: Bool) -> FlowState.Action {
        flow.action(at: now, windowIsFull: !hasRoom || !waiting.isEmpty)
    }

    /// A batch was received.
    package mutating func add(_ batch: Batch) { waiting.append(batch) }

    /// Takes the oldest batch, to be answered.
    package mutating func next() -> Batch? { waiting.isEmpty ? nil : waiting.removeFirst() }

    /// Partitions are another's now, or are read from another place: what waits of them is not answered here.
    package mutating func release(_ partitions: some Sequence<Int32>) {
        guard !waiting.isEmpty else { return }
        for batch in waiting { batch.lostPartitions += partitions }
    }

    /// Takes all that waits, not to be answered.
    package mutating func removeAll() -> [Batch] {
        defer { waiting.removeAll() }
        return waiting
    }

    /// A batch of so many requests took this long, from decoding to sending.
    package mutating func answered(records count: Int, took elapsed: Duration) {
        limit.observe(records: count, took: elapsed)
    }
}

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
