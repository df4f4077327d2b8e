package import Classification

/// The received batches not yet answered, and whether more may be received. A value: the lane tells it what happens and
/// asks what to do.
///
/// It holds more than one batch only if the consumer had to be polled while another batch was being sent.
package struct Inbox {
    private var waiting: [Batch] = []
    private var flow: FlowState
    private var limit: BatchLimit
    private let settings: LaneSettings

    package init(settings: LaneSettings) {
        self.settings = settings
        flow = FlowState(pauseAfter: settings.pauseAfter)
        limit = BatchLimit(maximum: settings.maximumBatchRecords, duration: settings.maximumBatchDuration)
    }

    /// Another model answers from now on. One with an encoder takes its time for a batch: it begins with few requests, and
    /// may take longer.
    package mutating func prepare(for model: ModelDescription) {
        limit =
            model.hasEncoder
            ? BatchLimit(
                maximum: settings.maximumBatchRecords, duration: settings.maximumEncoderDuration,
                first: settings.firstEncoderRecords)
            : BatchLimit(maximum: settings.maximumBatchRecords, duration: settings.maximumBatchDuration)
    }

    package var isEmpty: Bool { waiting.isEmpty }
    package var count: Int { waiting.count }

    /// Whether newly assigned partitions must be paused.
    package var isPaused: Bool { flow.isPaused }

    /// The most requests to receive at once.
    package var maximumRecords: Int { limit.records }

    /// Whether and how to call the consumer. `hasRoom`: whether a batch could be answered and sent.
    package mutating func action(at now: ContinuousClock.Instant, hasRoom: Bool) -> FlowState.Action {
        flow.action(at: now, windowIsFull: !hasRoom || !waiting.isEmpty)
    }

    /// A batch was received.
    package mutating func add(_ batch: Batch) { waiting.append(batch) }

    /// The oldest batch.
    package var first: Batch? { waiting.first }

    /// Takes the oldest batch, to answer it.
    package mutating func next() -> Batch? { waiting.isEmpty ? nil : waiting.removeFirst() }

    /// The partitions have another owner or another position: their waiting records are not answered here.
    package mutating func release(_ partitions: some Sequence<Int32>) {
        guard !waiting.isEmpty else { return }
        for batch in waiting { batch.lostPartitions += partitions }
    }

    /// Takes all waiting batches, which will not be answered.
    package mutating func removeAll() -> [Batch] {
        defer { waiting.removeAll() }
        return waiting
    }

    /// A batch of this many requests took this long, from decoding to sending.
    package mutating func answered(records count: Int, took elapsed: Duration) {
        limit.observe(records: count, took: elapsed)
    }
}

/// Back-pressure: whether the lane may receive. A value: it is told whether the window of unanswered batches is full
/// and returns what to do. If the window stays full, the partitions are paused, so that the consumer can be polled
/// without receiving more.
package struct FlowState {
    package enum Action: Hashable {
        /// Receive.
        case receive
        /// Do not call the consumer.
        case hold
        /// Pause the partitions, then continue as with ``poll``.
        case pause
        /// The partitions are paused: call the consumer only to run its callbacks.
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

/// The most requests in the next batch: the count limit, reduced while batches exceed the time limit.
package struct BatchLimit {
    package private(set) var records: Int
    private let maximum: Int
    private let duration: Duration

    /// - Parameter first: the most requests until it is known how long a batch takes.
    package init(maximum: Int, duration: Duration, first: Int? = nil) {
        self.maximum = maximum
        self.duration = duration
        records = min(maximum, first ?? maximum)
    }

    /// A batch of this many requests took this long.
    package mutating func observe(records count: Int, took elapsed: Duration) {
        if elapsed > duration {
            records = max(1, min(records, count) / 2)
        } else if records < maximum, count >= records, elapsed * 3 < duration * 2 {
            // As many as fit, but no more than twice as many: the next ones may be longer.
            let fitting = Double(records) * 0.9 * (duration / max(elapsed, .microseconds(1)))
            records = min(maximum, records * 2, Int(fitting))
        }
    }
}
