import Kafka
import Messages
import Testing
import Worker
import WorkerTestSupport

/// What the lane hands to the producer, and in which order, told as `PART RECORD` with `!` for one that must be alone.
@Suite("Outbox")
struct OutboxTests {
    private static let topic: StaticString = "sentences"

    private func outbox(capacity: Int = 4, givesUp: Bool = false) -> Outbox {
        Outbox(capacity: capacity, format: RequestFormat(maximumTextBytes: 100), givesUp: givesUp)
    }

    /// Fills a batch with an answer for each of these: nil for a classification, else why there is none.
    private func fill(_ batch: Batch, _ codes: [ErrorCode?], deadline: Int64? = nil) {
        let topic = UnsafeRawBufferPointer(start: Self.topic.utf8Start, count: Self.topic.utf8CodeUnitCount)
        for (index, code) in codes.enumerated() {
            var answer = Answer(source: RecordSource(topic: topic, partition: 2, offset: Int64(index)))
            answer.plan = DeliveryPlan(failure: code.map { Answer.Failure($0, "as the test wants it") })
            answer.deadline = deadline
            batch.add(answer)
        }
    }

    private func text(_ item: Outbox.Item) -> String {
        "\(item.token.part) \(item.token.record)\(item.isAlone ? "!" : "")"
    }

    /// Hands over all that can be, and tells what that was.
    private func enqueueAll(_ outbox: inout Outbox) -> [Outbox.Item] {
        var items: [Outbox.Item] = []
        while let item = outbox.next() {
            items.append(item)
            outbox.enqueued(item)
        }
        return items
    }

    @Test("replies go in the order of the records, each with its dead letter behind it, but for what has expired")
    func order() {
        var outbox = outbox()
        let batch = outbox.open()
        fill(batch, [nil, .emptyText, nil, .deadlineExceeded])
        outbox.send(batch)
        #expect(!outbox.isReady)
        #expect(enqueueAll(&outbox).map(text) == ["reply 0", "reply 1", "deadLetter 1", "reply 2", "reply 3"])
        expect(outbox.finishSending()?.batch.slot, batch.slot)
        #expect(outbox.isReady)
    }

    @Test("a batch is done when all of it was handed over and acknowledged, in whatever order")
    func done() {
        var outbox = outbox(capacity: 1)
        let batch = outbox.open()
        #expect(!outbox.hasRoom)
        fill(batch, [nil, nil])
        outbox.send(batch)
        let first = outbox.next()!
        outbox.enqueued(first)
        // Acknowledged before the rest was handed over.
        expect(outbox.reported(first.token, nil)?.slot, nil)
        expect(outbox.finishSending()?.batch.slot, nil)
        let second = outbox.next()!
        outbox.enqueued(second)
        expect(outbox.finishSending()?.batch.slot, 0)
        expect(outbox.reported(second.token, nil)?.slot, 0)
        outbox.close(batch)
        #expect(outbox.isEmpty && outbox.hasRoom)
    }

    @Test("what the producer has no room for is asked for again")
    func queueFull() {
        var outbox = outbox()
        let batch = outbox.open()
        fill(batch, [nil])
        outbox.send(batch)
        let asked = (outbox.next(), outbox.next())
        #expect(asked.0 == asked.1 && asked.0 != nil)
    }

    @Test("a reply that is too large goes alone, then small with a dead letter, each when nothing else is on its way")
    func tooLarge() {
        var outbox = outbox()
        let batch = outbox.open()
        fill(batch, [nil, nil])
        outbox.send(batch)
        let sent = enqueueAll(&outbox)
        _ = outbox.finishSending()
        expect(outbox.reported(sent[0].token, .messageSizeTooLarge)?.slot, nil)
        #expect(outbox.hasUndelivered)
        for (token, code) in outbox.takeUndelivered() {
            expect(outbox.undelivered(token, code, inTransaction: false, now: 0), .send([.reply]))
            expect(outbox.acknowledge(token)?.slot, nil)
        }
        // The other is still on its way.
        expect(outbox.next(), nil)
        expect(outbox.reported(sent[1].token, nil)?.slot, nil)
        let alone = enqueueAll(&outbox)
        #expect(alone.map(text) == ["reply 0!"])
        expect(outbox.reported(alone[0].token, .messageSizeTooLarge)?.slot, nil)
        for (token, code) in outbox.takeUndelivered() {
            expect(outbox.undelivered(token, code, inTransaction: false, now: 0), .send([.reply, .deadLetter]))
            expect(outbox.acknowledge(token)?.slot, nil)
        }
        let small = enqueueAll(&outbox)
        #expect(small.map(text) == ["reply 0", "deadLetter 0"])
        expect(outbox.reported(small[1].token, nil)?.slot, nil)
        expect(outbox.reported(small[0].token, nil)?.slot, 0)
    }

    @Test("what is refused at once is planned anew before the rest of its batch, and has one dead letter")
    func refused() {
        var outbox = outbox()
        let batch = outbox.open()
        fill(batch, [nil, .emptyText, nil])
        outbox.send(batch)
        let reply = outbox.next()!
        expect(outbox.rejected(reply, .unknownPartition, now: 0), .send([.reply, .deadLetter]))
        expect(outbox.acknowledge(reply.token)?.slot, nil)
        let sent = enqueueAll(&outbox)
        #expect(
            sent.map(text) == ["reply 0", "deadLetter 0", "reply 1", "deadLetter 1", "reply 2"])
        expect(outbox.finishSending()?.batch.slot, 0)
        for item in sent.dropLast() { expect(outbox.reported(item.token, nil)?.slot, nil) }
        expect(outbox.reported(sent[4].token, nil)?.slot, 0)
    }

    @Test("a refused reply keeps the dead letter that its request has anyway")
    func refusedFailure() {
        var outbox = outbox()
        let batch = outbox.open()
        fill(batch, [.emptyText])
        outbox.send(batch)
        let reply = outbox.next()!
        expect(outbox.rejected(reply, .unknownPartition, now: 0), .send([.reply]))
        expect(outbox.acknowledge(reply.token)?.slot, nil)
        #expect(enqueueAll(&outbox).map(text) == ["reply 0", "deadLetter 0"])
    }

    @Test("in a transaction nothing is sent again: the plan waits for the record to be read again")
    func inTransaction() {
        var outbox = outbox()
        let batch = outbox.open()
        fill(batch, [nil, nil])
        outbox.send(batch)
        let sent = enqueueAll(&outbox)
        _ = outbox.finishSending()
        expect(outbox.reported(sent[1].token, .messageSizeTooLarge)?.slot, nil)
        for (token, code) in outbox.takeUndelivered() {
            expect(outbox.undelivered(token, code, inTransaction: true, now: 0), .send([.reply]))
            expect(outbox.acknowledge(token)?.slot, nil)
        }
        expect(outbox.next(), nil)
        #expect(outbox.plan(partition: 2, offset: 1)?.reply == .alone)
        #expect(outbox.plan(partition: 2, offset: 0) == nil)
        outbox.removeAll()
        #expect(outbox.isEmpty && outbox.isReady)
        #expect(outbox.plan(partition: 2, offset: 1)?.reply == .alone)
        outbox.forgetPlans()
        #expect(outbox.plan(partition: 2, offset: 1) == nil)
    }

    @Test("a reply that nobody waits for any more is given up in the interactive lane only", arguments: [true, false])
    func nobodyWaits(givesUp: Bool) {
        var outbox = outbox(givesUp: givesUp)
        let batch = outbox.open()
        fill(batch, [nil], deadline: 1_000)
        outbox.send(batch)
        let token = enqueueAll(&outbox)[0].token
        _ = outbox.finishSending()
        _ = outbox.reported(token, .messageTimedOut)
        _ = outbox.takeUndelivered()
        expect(outbox.undelivered(token, .messageTimedOut, inTransaction: false, now: 999), .send([.reply]))
        expect(outbox.acknowledge(token)?.slot, nil)
        let again = enqueueAll(&outbox)[0].token
        _ = outbox.reported(again, .messageTimedOut)
        _ = outbox.takeUndelivered()
        expect(
            outbox.undelivered(again, .messageTimedOut, inTransaction: false, now: 1_001),
            .send(givesUp ? [] : [.reply]))
        expect(outbox.acknowledge(again)?.slot, givesUp ? 0 : nil)
    }

    @Test("a batch of which nothing is this worker's any more is done at once")
    func skipped() throws {
        var outbox = outbox()
        let batch = outbox.open()
        let answerer = try BatchAnswerer(classifier: FixedClassifier(), replyTopics: ReplyTopics(["replies"]))
        answerer.begin()
        answerer.skip(in: batch, source: RecordSource(topic: .init(start: nil, count: 0), partition: 0, offset: 0))
        answerer.finish(batch) { 0 }
        outbox.send(batch)
        expect(outbox.next(), nil)
        expect(outbox.finishSending()?.batch.isDone, true)
        #expect(batch.skippedCount == 1)
    }
}
