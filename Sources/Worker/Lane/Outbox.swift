package import Kafka
import Messages

/// What was received and is not acknowledged, and what of it the producer gets next: the batch at hand record by
/// record, and before that whatever could not be delivered and is sent in another way. A value without Kafka's client.
///
/// ```
///                next() ──► producer ──► enqueued ──► reported(nil) ──► the batch is done once all of it is
///                  ▲           │ refused       └──────► reported(code)
///                  │           ▼                             ▼
///                  └── plan of the next smaller thing ◄── takeUndelivered()
/// ```
package struct Outbox {
    /// A reply or a dead letter that the producer is to be given.
    package struct Item: Hashable {
        package let token: DeliveryToken
        /// Nothing else may be on its way.
        package let isAlone: Bool
        /// It was planned when something was not delivered, and is counted in its batch already.
        let isAgain: Bool
    }

    private var window: BatchWindow
    /// Whether a reply that cannot be delivered is given up when nobody waits for it any more.
    private let givesUp: Bool

    /// The batch at hand, and its next record and part.
    private var sending: Batch?
    private var record = 0
    private var part = DeliveryToken.Part.reply
    private var startedAt = ContinuousClock.now

    /// What is to be sent in another way; what is before ``nextAgain`` was handed over.
    private var again: [DeliveryToken] = []
    private var nextAgain = 0
    /// Reports of failure, to be looked at outside of the call that brought them.
    private var failed: [(token: DeliveryToken, code: KafkaErrorCode)] = []
    /// Plans of records whose transaction is aborted, for when they are read again.
    private var plans: [RecordPlace: DeliveryPlan] = [:]

    /// Records handed to the producer and not reported yet.
    private var outstanding = 0
    /// A record is on its way that must be the only one.
    private var isExclusive = false

    private struct RecordPlace: Hashable {
        let partition: Int32
        let offset: Int64
    }

    /// - Parameters:
    ///   - capacity: the most batches that are unacknowledged before ``hasRoom`` says no.
    ///   - givesUp: whether a reply is given up when nobody waits for it any more, so that one partition that takes nothing is
    ///     not in everybody's way.
    package init(capacity: Int, maximumTextBytes: Int, givesUp: Bool) {
        window = BatchWindow(capacity: capacity, maximumTextBytes: maximumTextBytes)
        self.givesUp = givesUp
    }

    // MARK: - Batches

    /// Whether every batch is acknowledged.
    package var isEmpty: Bool { window.isEmpty }
    /// How many batches are not.
    package var count: Int { window.count }
    package subscript(slot: Int) -> Batch { window[slot] }

    /// Whether the next batch can be sent: nothing is left over of the one before.
    package var isReady: Bool { sending == nil && again.isEmpty && !isExclusive }
    /// Whether one more batch may be received.
    package var hasRoom: Bool { isReady && !window.isFull }

    /// Takes a place for a batch.
    package mutating func open() -> Batch { window.open() }

    /// Gives the place of a batch back that is done, or is not to be answered.
    package mutating func close(_ batch: Batch) { window.close(batch) }

    /// The batch is answered: it is what is sent next.
    package mutating func send(_ batch: Batch) {
        sending = batch
        record = 0
        part = .reply
        startedAt = .now
    }

    /// Ends the sending of the batch at hand once all of it was handed over; returns it, and how long that took.
    package mutating func finishSending() -> (batch: Batch, took: Duration)? {
        guard let batch = sending, record == batch.answers.count else { return nil }
        sending = nil
        batch.isSent = true
        return (batch, .now - startedAt)
    }

    /// Nothing is on its way any more, and what there was is read again.
    package mutating func removeAll() {
        sending = nil
        again.removeAll()
        nextAgain = 0
        failed.removeAll()
        outstanding = 0
        isExclusive = false
        window.closeAll()
    }

    // MARK: - Handing over

    /// What the producer is to be given next; `nil` if there is nothing, or if it has to wait for what is on its way. The same
    /// until it was handed over or refused.
    package mutating func next() -> Item? {
        if nextAgain < again.count {
            let token = again[nextAgain]
            return item(
                token, isAlone: window[token.slot].answers[token.record].plan.isAlone(token.part), isAgain: true)
        }
        guard let batch = sending else { return nil }
        while record < batch.answers.count {
            if part == .deadLetter || batch.answers[record].plan.reply != .none {
                return item(
                    DeliveryToken(slot: batch.slot, record: record, part: part),
                    isAlone: batch.answers[record].plan.isAlone(part), isAgain: false)
            }
            moveOn(hasDeadLetter: batch.answers[record].plan.hasDeadLetter)
        }
        return nil
    }

    private func item(_ token: DeliveryToken, isAlone: Bool, isAgain: Bool) -> Item? {
        guard !isExclusive, !isAlone || outstanding == 0 else { return nil }
        return Item(token: token, isAlone: isAlone, isAgain: isAgain)
    }

    /// To the next part of the batch at hand.
    private mutating func moveOn(hasDeadLetter: Bool) {
        if part == .reply, hasDeadLetter {
            part = .deadLetter
        } else {
            record += 1
            part = .reply
        }
    }

    private mutating func remove(_ item: Item) {
        let batch = window[item.token.slot]
        if item.isAgain {
            nextAgain += 1
            if nextAgain == again.count {
                again.removeAll(keepingCapacity: true)
                nextAgain = 0
            }
        } else {
            batch.unacknowledged += 1
            moveOn(hasDeadLetter: batch.answers[item.token.record].plan.hasDeadLetter)
        }
    }

    /// The producer has taken it.
    package mutating func enqueued(_ item: Item) {
        remove(item)
        outstanding += 1
        isExclusive = item.isAlone
    }

    /// The producer has not taken it, and never will as it is. What is sent in its place comes next.
    package mutating func rejected(_ item: Item, _ code: KafkaErrorCode, now: Int64) -> DeliveryPlan.Outcome {
        // First: whether it has a dead letter of its own depends on what was known before.
        remove(item)
        return plan(item.token, code, now: now)
    }

    // MARK: - Reports

    /// A delivery report has come. Returns its batch if that is done now.
    package mutating func reported(_ token: DeliveryToken, _ error: KafkaErrorCode?) -> Batch? {
        outstanding -= 1
        isExclusive = false
        guard let error else { return acknowledge(token) }
        failed.append((token, error))
        return nil
    }

    /// Whether something was not delivered that is not planned anew yet.
    package var hasUndelivered: Bool { !failed.isEmpty }

    /// Takes what was not delivered, to be told to ``undelivered(_:_:inTransaction:now:)`` one by one.
    package mutating func takeUndelivered() -> [(token: DeliveryToken, code: KafkaErrorCode)] {
        defer { failed.removeAll() }
        return failed
    }

    /// Plans what is sent in the place of what was not delivered. A transaction that it was sent in is spoilt: there it is what
    /// will be sent when the record is read again.
    package mutating func undelivered(
        _ token: DeliveryToken, _ code: KafkaErrorCode, inTransaction: Bool, now: Int64
    ) -> DeliveryPlan.Outcome {
        guard inTransaction else { return plan(token, code, now: now) }
        let batch = window[token.slot]
        let outcome = batch.answers[token.record].plan.undelivered(token.part, code)
        let source = batch.answers[token.record].source
        plans[RecordPlace(partition: source.partition, offset: source.offset)] = batch.answers[token.record].plan
        return outcome
    }

    private mutating func plan(_ token: DeliveryToken, _ code: KafkaErrorCode, now: Int64) -> DeliveryPlan.Outcome {
        let batch = window[token.slot]
        let patience = patience(for: token, of: batch, now: now)
        let outcome = batch.answers[token.record].plan.undelivered(token.part, code, patience: patience)
        if case .send(let parts) = outcome {
            batch.unacknowledged += parts.count
            again += parts.map { DeliveryToken(slot: token.slot, record: token.record, part: $0) }
        }
        return outcome
    }

    /// What was planned anew, or given up, counts as reported. Returns its batch if that is done now.
    package func acknowledge(_ token: DeliveryToken) -> Batch? {
        let batch = window[token.slot]
        batch.unacknowledged -= 1
        return batch.isDone ? batch : nil
    }

    /// What a reply that is not delivered yet is worth.
    private func patience(for token: DeliveryToken, of batch: Batch, now: Int64) -> DeliveryPlan.Patience {
        guard givesUp, token.part == .reply else { return .endless }
        if let deadline = batch.answers[token.record].deadline { return deadline < now ? .over : .endless }
        // Longer than any usual client waits that says nothing of it.
        return ContinuousClock.now - batch.receivedAt < .seconds(60) ? .endless : .exhausted
    }

    /// What is known of a record whose transaction was aborted.
    package func plan(partition: Int32, offset: Int64) -> DeliveryPlan? {
        plans.isEmpty ? nil : plans[RecordPlace(partition: partition, offset: offset)]
    }

    /// What was read again is committed, or lies in a topic that is no more.
    package mutating func forgetPlans() { plans.removeAll() }
}
