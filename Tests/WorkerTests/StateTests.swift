import Testing
import Worker

@Suite("State machines of a lane")
struct StateTests {
    private let start = ContinuousClock.now

    @Test("a drain closes once everything is answered, and gives up when its time is over")
    func draining() {
        var state = DrainState()
        expect(state.action(at: start, hasUnanswered: true), .run)
        state.stop(at: start, within: .seconds(5))
        state.stop(at: start + .seconds(4), within: .seconds(50))
        #expect(state.isStopping)
        expect(state.action(at: start + .seconds(4), hasUnanswered: true), .drain)
        expect(state.action(at: start + .seconds(4), hasUnanswered: false), .close)
        expect(state.action(at: start + .seconds(5), hasUnanswered: true), .abandon)
        expect(state.action(at: start + .seconds(9), hasUnanswered: false), .close)
    }

    @Test("a full window holds, then pauses once, and resumes once there is room")
    func flow() {
        var state = FlowState(pauseAfter: .seconds(1))
        expect(state.action(at: start, windowIsFull: false), .receive)
        expect(state.action(at: start, windowIsFull: true), .hold)
        expect(state.action(at: start + .milliseconds(900), windowIsFull: true), .hold)
        expect(state.action(at: start + .milliseconds(950), windowIsFull: false), .receive)
        expect(state.action(at: start + .milliseconds(960), windowIsFull: true), .hold)
        expect(state.action(at: start + .milliseconds(1_100), windowIsFull: true), .hold)
        expect(state.action(at: start + .milliseconds(1_960), windowIsFull: true), .pause)
        #expect(state.isPaused)
        expect(state.action(at: start + .seconds(3), windowIsFull: true), .poll)
        expect(state.action(at: start + .seconds(4), windowIsFull: false), .resume)
        expect(state.action(at: start + .seconds(4), windowIsFull: false), .receive)
        #expect(!state.isPaused)
    }

    private func transactions(records: Int = 100, age: Duration = .seconds(1)) -> TransactionState {
        var bounds = WorkerConfiguration.TransactionSettings()
        bounds.maximumRecords = records
        bounds.maximumAge = age
        return TransactionState(bounds: bounds)
    }

    @Test("a transaction ends at its count, after everything sent is acknowledged")
    func transactionByCount() {
        var state = transactions()
        expect(state.next(at: start, hasUnanswered: false), .proceed)
        expect(state.add(records: 60, at: start), true)
        expect(state.next(at: start, hasUnanswered: true), .proceed)
        expect(state.add(records: 60, at: start), false)
        expect(state.next(at: start, hasUnanswered: true), .drain)
        expect(state.next(at: start, hasUnanswered: true), .drain)
        expect(state.next(at: start, hasUnanswered: false), .commit)
        state.committed()
        expect(state.add(records: 1, at: start), true)
    }

    @Test("a transaction ends at its age")
    func transactionByAge() {
        var state = transactions()
        _ = state.add(records: 1, at: start)
        expect(state.next(at: start + .milliseconds(999), hasUnanswered: false), .proceed)
        expect(state.next(at: start + .seconds(1), hasUnanswered: false), .commit)
    }

    @Test("a failure at any point leads to an abort, and only an abort leads out of it")
    func transactionFails() {
        var state = transactions()
        state.failed()
        expect(state.next(at: start, hasUnanswered: false), .proceed)
        _ = state.add(records: 1, at: start)
        state.failed()
        expect(state.next(at: start, hasUnanswered: true), .abort)
        state.end()
        expect(state.next(at: start, hasUnanswered: false), .abort)
        state.aborted()
        #expect(!state.takesRecords)
        expect(state.next(at: start, hasUnanswered: false), .rewind)
        state.failed()
        state.rewound()
        expect(state.next(at: start, hasUnanswered: false), .proceed)
        _ = state.add(records: 100, at: start)
        expect(state.next(at: start, hasUnanswered: false), .commit)
        state.failed()
        expect(state.next(at: start, hasUnanswered: false), .abort)
    }

    @Test("a commit that has begun is the broker's to decide: nothing but its refusal leads to an abort")
    func transactionCommits() {
        var state = transactions()
        _ = state.add(records: 100, at: start)
        expect(state.next(at: start, hasUnanswered: false), .commit)
        state.commitBegins([], at: start)
        state.failed()
        expect(state.next(at: start + .seconds(9), hasUnanswered: false), .commit)
        state.committed()
        expect(state.next(at: start, hasUnanswered: false), .proceed)
        state.commitBegins([], at: start)
        expect(state.next(at: start, hasUnanswered: false), .proceed)
        _ = state.add(records: 100, at: start)
        _ = state.next(at: start, hasUnanswered: false)
        state.commitBegins([], at: start)
        state.refused()
        expect(state.next(at: start, hasUnanswered: false), .abort)
    }

    @Test("a broker that is late to end a transaction is waited for three times as long as one may be open")
    func transactionLate() {
        var bounds = WorkerConfiguration.TransactionSettings()
        bounds.timeout = .seconds(10)
        for commits in [true, false] {
            var state = TransactionState(bounds: bounds)
            _ = state.add(records: 1, at: start)
            #expect(!state.isBeingEnded(at: start))
            if commits {
                state.end()
                state.commitBegins([.init(partition: 1, offset: 9)], at: start)
                #expect(state.positions == [.init(partition: 1, offset: 9)])
            } else {
                state.failed()
                #expect(!state.isBeingEnded(at: start))
                state.abortBegins(at: start)
                state.abortBegins(at: start + .seconds(20))
            }
            #expect(state.isBeingEnded(at: start + .seconds(29)))
            #expect(!state.isBeingEnded(at: start + .seconds(30)))
        }
    }

    @Test("an order to end is followed whatever the bounds, and is nothing without a transaction")
    func transactionAsked() {
        var state = transactions()
        state.end()
        expect(state.next(at: start, hasUnanswered: false), .proceed)
        _ = state.add(records: 1, at: start)
        state.end()
        expect(state.next(at: start, hasUnanswered: true), .drain)
        expect(state.next(at: start, hasUnanswered: false), .commit)
    }

    @Test("batches shrink while they take too long and grow again when they are quick and full")
    func batchLimit() {
        var limit = BatchLimit(maximum: 800, duration: .milliseconds(20))
        limit.observe(records: 800, took: .milliseconds(100))
        #expect(limit.records == 400)
        limit.observe(records: 10, took: .milliseconds(100))
        #expect(limit.records == 5)
        limit.observe(records: 4, took: .milliseconds(1))
        #expect(limit.records == 5)
        limit.observe(records: 5, took: .milliseconds(15))
        #expect(limit.records == 5)
        for _ in 0..<20 { limit.observe(records: limit.records, took: .milliseconds(1)) }
        #expect(limit.records == 800)
        for _ in 0..<20 { limit.observe(records: limit.records, took: .seconds(1)) }
        #expect(limit.records == 1)
    }

    @Test("the spans of a batch join what comes in runs and what comes interleaved")
    func spans() {
        var spans = BatchSpans()
        for (partition, offset) in [(0, 5), (0, 6), (2, 1), (0, 9), (2, 2), (1, 0)] as [(Int32, Int64)] {
            spans.add(partition: partition, offset: offset)
        }
        #expect(spans.spans.map(\.partition) == [0, 2, 1])
        #expect(spans.spans.map(\.first) == [5, 1, 0])
        #expect(spans.spans.map(\.end) == [10, 3, 1])
        spans.removeAll()
        #expect(spans.spans.isEmpty)
    }
}
