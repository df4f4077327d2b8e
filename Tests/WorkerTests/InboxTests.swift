import Classification
import Messages
import Testing
import Worker

@Suite("Inbox")
struct InboxTests {
    private let start = ContinuousClock.now

    private func batch(_ slot: Int) -> Batch { Batch(slot: slot, format: RequestFormat(maximumTextBytes: 100)) }

    @Test("batches are answered in the order in which they were received")
    func order() {
        var inbox = Inbox(settings: .bulk)
        expect(inbox.next()?.slot, nil)
        for slot in [4, 2, 9] { inbox.add(batch(slot)) }
        #expect(inbox.count == 3)
        expect(inbox.next()?.slot, 4)
        #expect(inbox.removeAll().map(\.slot) == [2, 9])
        #expect(inbox.isEmpty)
    }

    @Test(
        "nothing more is received while a batch waits; then the partitions are paused, and resumed when it is answered")
    func pausing() {
        var inbox = Inbox(settings: .bulk)
        expect(inbox.action(at: start, hasRoom: true), .receive)
        inbox.add(batch(0))
        expect(inbox.action(at: start, hasRoom: true), .hold)
        expect(inbox.action(at: start + .seconds(1), hasRoom: true), .pause)
        #expect(inbox.isPaused)
        expect(inbox.action(at: start + .seconds(2), hasRoom: false), .poll)
        _ = inbox.next()
        expect(inbox.action(at: start + .seconds(2), hasRoom: false), .poll)
        expect(inbox.action(at: start + .seconds(2), hasRoom: true), .resume)
        #expect(!inbox.isPaused)
    }

    @Test("for a model with an encoder the first batches are small, and grow as far as time allows")
    func slowModel() {
        var inbox = Inbox(settings: .bulk)
        #expect(inbox.maximumRecords == 1_000)
        var model = ModelDescription(name: "m", version: "1", labels: ["a", "b"], language: "und", hasEncoder: true)
        inbox.prepare(for: model)
        #expect(inbox.maximumRecords == 32)
        inbox.answered(records: 32, took: .milliseconds(60))
        #expect(inbox.maximumRecords == 64)
        inbox.answered(records: 64, took: .milliseconds(240))
        #expect(inbox.maximumRecords == 96)
        inbox.answered(records: 96, took: .milliseconds(360))
        #expect(inbox.maximumRecords == 96)
        inbox.answered(records: 96, took: .milliseconds(410))
        #expect(inbox.maximumRecords == 48)
        model.hasEncoder = false
        inbox.prepare(for: model)
        #expect(inbox.maximumRecords == 1_000)
    }

    @Test("a partition that goes takes along what waits of it, and nothing that comes later")
    func release() {
        var inbox = Inbox(settings: .bulk)
        let (early, late) = (batch(0), batch(1))
        inbox.add(early)
        inbox.release([3, 5])
        inbox.add(late)
        inbox.release([6])
        #expect(early.lostPartitions == [3, 5, 6])
        #expect(late.lostPartitions == [6])
    }

    @Test("slow batches make the next ones smaller")
    func limit() {
        var inbox = Inbox(settings: .bulk)
        #expect(inbox.maximumRecords == LaneSettings.bulk.maximumBatchRecords)
        inbox.answered(records: 1_000, took: .seconds(1))
        #expect(inbox.maximumRecords == 500)
    }
}
