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
        expect(state.next(at: start, hasUnanswered: false), .proceed)
        _ = state.add(records: 100, at: start)
        expect(state.next(at: start, hasUnanswered: false), .commit)
        state.failed()
        expect(state.next(at: start, hasUnanswered: false), .abort)
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
        limit.observe(records: 800, of: limit.records, took: .milliseconds(100))
        #expect(limit.records == 400)
        limit.observe(records: 10, of: limit.records, took: .milliseconds(100))
        #expect(limit.records == 5)
        limit.observe(records: 4, of: limit.records, took: .milliseconds(1))
        #expect(limit.records == 5)
        limit.observe(records: 5, of: limit.records, took: .milliseconds(15))
        #expect(limit.records == 5)
        for _ in 0..<20 { limit.observe(records: limit.records, of: limit.records, took: .milliseconds(1)) }
        #expect(limit.records == 800)
        for _ in 0..<20 { limit.observe(records: limit.records, of: limit.records, took: .seconds(1)) }
        #expect(limit.records == 1)
    }

    @Test("small pieces that are slow make a batch smaller by half, not by their own size, and let it grow again")
    func batchLimitOfPieces() {
        var limit = BatchLimit(maximum: 800, duration: .milliseconds(20))
        limit.observe(records: 80, of: 80, took: .milliseconds(30))
        #expect(limit.records == 400)
        limit.observe(records: 40, of: 40, took: .milliseconds(1))
        #expect(limit.records == 800)
    }

    @Test("the bulk lane gives way as soon as there are callers, is cut as far as they wait, and comes back slowly")
    func bulkShare() {
        var state = BulkShare()
        #expect(state.current == 1)
        state.observe(lateFraction: 0.5, hasCallers: false)
        #expect(state.current == 1)
        state.callersCame()
        #expect(state.current == BulkShare.least)
        for _ in 0..<45 { state.observe(lateFraction: 0.004, hasCallers: true) }
        #expect(abs(state.current - 1) < 1e-9)
        state.observe(lateFraction: 0.02, hasCallers: true)
        #expect(abs(state.current - 0.5) < 1e-9)
        state.observe(lateFraction: 0, hasCallers: true)
        #expect(abs(state.current - 0.52) < 1e-9)
        state.observe(lateFraction: 0.04, hasCallers: true)
        #expect(abs(state.current - 0.13) < 1e-9)
        state.observe(lateFraction: 1, hasCallers: true)
        #expect(state.current == BulkShare.least)
    }

    @Test("a bulk lane that gives way and helps nobody by it goes on at full speed")
    func bulkShareBesideOtherCauses() {
        var state = BulkShare()
        state.callersCame()
        for second in 0..<60 { state.observe(lateFraction: second.isMultiple(of: 2) ? 0.27 : 0.33, hasCallers: true) }
        #expect(state.current == 1)
        // Twice as late is another matter.
        state.observe(lateFraction: 0.9, hasCallers: true)
        #expect(state.current < 0.8)
    }

    @Test("one bad second of a broker does not make it a slow one")
    func bulkShareAfterOneStall() {
        var state = BulkShare()
        state.callersCame()
        state.observe(lateFraction: 0.2, hasCallers: true)
        for _ in 0..<20 { state.observe(lateFraction: 0, hasCallers: true) }
        state.observe(lateFraction: 0.05, hasCallers: true)
        #expect(state.current < 0.2)
    }

    @Test("without callers the bulk lane waits a while, then gives way to nobody; what was found out stays")
    func bulkShareWithoutCallers() {
        var state = BulkShare()
        state.callersCame()
        for _ in 0..<10 { state.observe(lateFraction: 0, hasCallers: true) }
        let found = state.current
        #expect(abs(found - 0.3) < 1e-9)
        for _ in 0..<9 { state.observe(lateFraction: 0.9, hasCallers: false) }
        #expect(state.current == found && !state.isIdle)
        state.observe(lateFraction: 0, hasCallers: false)
        #expect(state.current == 1 && state.isIdle)
        state.callersCame()
        #expect(state.current == found)
    }

    @Test("the bulk lane rests so long that its work is its share of the time, half a second at most")
    func bulkRest() {
        #expect(BulkShare.rest(after: .milliseconds(20), share: 1) == .zero)
        #expect(BulkShare.rest(after: .milliseconds(20), share: 0.5) == .milliseconds(20))
        #expect(BulkShare.rest(after: .milliseconds(20), share: 0.25) == .milliseconds(60))
        #expect(BulkShare.rest(after: .seconds(2), share: 0.25) == .milliseconds(500))
        #expect(BulkShare.rest(after: .milliseconds(20), share: 0) <= .milliseconds(181))
    }

    @Test("a bulk lane that gives way works in pieces as small as its share, a record at least")
    func bulkPieces() {
        #expect(BulkShare.records(of: 1_000, share: 1) == 1_000)
        #expect(BulkShare.records(of: 1_000, share: 0.25) == 250)
        #expect(BulkShare.records(of: 1_000, share: 0) == 100)
        #expect(BulkShare.records(of: 1, share: 0.1) == 1)
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
