package import Kafka
package import Messages

/// The unacknowledged batches, and what to enqueue next: first whatever could not be delivered and is sent in another
/// form, then the current batch, record by record. A value, independent of the Kafka client.
///
/// ```
///                next() ──► producer ──► enqueued ──► reported(nil) ──► batch done once all of it is
///                  ▲           │ rejected      └──────► reported(code)
///                  │           ▼                             ▼
///                  └── plan of the next smaller form ◄── takeUndelivered()
/// ```
package struct Outbox {
    /// A reply or a dead letter to enqueue.
    package struct Item: Hashable {
        package let token: DeliveryToken
        /// Nothing else may be in flight.
        package let isAlone: Bool
        /// Planned after a failed delivery, and already counted in its batch.
        let isAgain: Bool
    }

    private var window: BatchWindow
    /// Whether an undeliverable reply is given up once nobody is waiting for it.
    private let givesUp: Bool

    /// The current batch, and its next record and part.
    private var sending: Batch?
    private var record = 0
    private var part = DeliveryToken.Part.reply
    private var startedAt = ContinuousClock.now

    /// Tokens to send in another form; those before ``nextAgain`` are enqueued.
    private var again: [DeliveryToken] = []
    private var nextAgain = 0
    /// Failed delivery reports, processed outside the callback.
    private var failed: [(token: DeliveryToken, code: KafkaErrorCode)] = []
    /// Plans for records of an aborted transaction, used when they are read again.
    private var plans: [RecordPlace: DeliveryPlan] = [:]

    /// Records enqueued and not reported yet.
    private var outstanding = 0
    /// A record that must be the only one is in flight.
    private var isExclusive = false

    private struct RecordPlace: Hashable {
        let partition: Int32
        let offset: Int64
    }

    /// - Parameters:
    ///   - capacity: the most unacknowledged batches before ``hasRoom`` turns false.
    ///   - schemas: the writers' schemas of values in a registry's framing, if a registry is asked.
    ///   - givesUp: whether a reply is given up once nobody is waiting for it, so that one unavailable partition does not
    ///     block the others.
    package init(capacity: Int, format: RequestFormat, schemas: SchemaTable? = nil, givesUp: Bool) {
        window = BatchWindow(capacity: capacity, format: format, schemas: schemas)
        self.givesUp = givesUp
    }

    // MARK: - Batches

    /// Whether every batch is acknowledged.
    package var isEmpty: Bool { window.isEmpty }
    /// The number of unacknowledged batches.
    package var count: Int { window.count }
    package subscript(slot: Int) -> Batch { window[slot] }

    /// Whether the next batch can be sent: nothing of the previous one is left.
    package var isReady: Bool { sending == nil && again.isEmpty && !isExclusive }
    /// Whether one more batch may be received.
    package var hasRoom: Bool { isReady && !window.isFull }

    /// Opens a slot for a batch.
    package mutating func open() -> Batch { window.open() }

    /// Frees the slot of a batch that is done or will not be answered.
    package mutating func close(_ batch: Batch) { window.close(batch) }

    /// Makes an answered batch the current one.
    package mutating func send(_ batch: Batch) {
        sending = batch
        record = 0
        part = .reply
        startedAt = .now
    }

    /// Finishes the current batch once all of it is enqueued; returns it, and how long that took.
    package mutating func finishSending() -> (batch: Batch, took: Duration)? {
        guard let batch = sending, record == batch.answers.count else { return nil }
        sending = nil
        batch.isSent = true
        return (batch, .now - startedAt)
    }

    /// Clears everything: nothing is in flight any more, and the requests are read again.
    package mutating func removeAll() {
        sending = nil
        again.removeAll()
        nextAgain = 0
        failed.removeAll()
        outstanding = 0
        isExclusive = false
        window.closeAll()
    }

    // MARK: - Enqueuing

    /// The next item to enqueue; `nil` if there is none, or if it must wait for records in flight. Returns the same
    /// item until ``enqueued(_:)`` or ``rejected(_:_:now:)`` is called.
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

    /// Moves to the next part of the current batch.
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

    /// The producer accepted the item.
    package mutating func enqueued(_ item: Item) {
        remove(item)
        outstanding += 1
        isExclusive = item.isAlone
    }

    /// The producer rejected the item for good. Its replacement is sent next.
    package mutating func rejected(_ item: Item, _ code: KafkaErrorCode, now: Int64) -> DeliveryPlan.Outcome {
        // Remove it first: whether it has its own dead letter depends on the old plan.
        remove(item)
        return plan(item.token, code, now: now)
    }

    // MARK: - Reports

    /// A delivery report arrived. Returns its batch if that is now done.
    package mutating func reported(_ token: DeliveryToken, _ error: KafkaErrorCode?) -> Batch? {
        outstanding -= 1
        isExclusive = false
        guard let error else { return acknowledge(token) }
        failed.append((token, error))
        return nil
    }

    /// Whether there are failed deliveries without a new plan.
    package var hasUndelivered: Bool { !failed.isEmpty }

    /// Takes the failed deliveries; pass each to ``undelivered(_:_:inTransaction:now:)``.
    package mutating func takeUndelivered() -> [(token: DeliveryToken, code: KafkaErrorCode)] {
        defer { failed.removeAll() }
        return failed
    }

    /// Plans the replacement for a failed delivery. In a transaction, which must be aborted, the plan is kept until the
    /// record is read again.
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

    /// A failed delivery that was replanned or given up counts as reported. Returns its batch if that is now done.
    package func acknowledge(_ token: DeliveryToken) -> Batch? {
        let batch = window[token.slot]
        batch.unacknowledged -= 1
        return batch.isDone ? batch : nil
    }

    /// How long to keep trying to deliver a reply.
    private func patience(for token: DeliveryToken, of batch: Batch, now: Int64) -> DeliveryPlan.Patience {
        guard givesUp, token.part == .reply else { return .endless }
        if let deadline = batch.answers[token.record].deadline { return deadline < now ? .over : .endless }
        // Longer than a usual client waits if it sets no deadline.
        return ContinuousClock.now - batch.receivedAt < .seconds(60) ? .endless : .exhausted
    }

    /// The plan for a record of an aborted transaction.
    package func plan(partition: Int32, offset: Int64) -> DeliveryPlan? {
        plans.isEmpty ? nil : plans[RecordPlace(partition: partition, offset: offset)]
    }

    /// The records that were read again are committed, or belong to a deleted topic.
    package mutating func forgetPlans() { plans.removeAll() }
}
