import Kafka
import Logging
import Messages
import Platform
import Telemetry

extension Lane {
    /// Takes the delivery reports that are there and counts them down. Returns how many.
    @discardableResult
    func takeReports(waiting: Duration = .zero) -> Int {
        producer.receiveDeliveryReports(waiting: waiting) { token, error, _, _ in report(token, error) }
    }

    func report(_ bits: UInt, _ error: KafkaErrorCode?) {
        outstanding -= 1
        isExclusive = false
        let token = DeliveryToken(bits: bits)
        if let error {
            undelivered.append((token, error))
        } else {
            acknowledge(window[token.slot])
        }
    }

    private func acknowledge(_ batch: Batch) {
        batch.unacknowledged -= 1
        closeIfDone(batch)
    }

    /// Tells the ledger about a batch whose every reply and dead letter is acknowledged, and gives its place back.
    func closeIfDone(_ batch: Batch) {
        guard batch.isDone else { return }
        for claim in batch.claims where ledger.complete(claim) { hasUncommitted = true }
        metrics.delivered(took: ContinuousClock.now - batch.receivedAt)
        window.close(batch)
    }

    /// Decides what becomes of the records that were not delivered. Those of an aborted transaction are read again.
    func settleUndelivered() throws(WorkerError) {
        guard !undelivered.isEmpty, transactions?.state != .aborting else { return }
        let failed = undelivered
        undelivered.removeAll()
        for (token, code) in failed { try settle(token, code, wasSent: true) }
    }

    /// A record was not delivered: plans what is sent in its place. A transaction that one was sent in is spoilt: there it is
    /// what will be sent after the abort.
    func settle(_ token: DeliveryToken, _ code: KafkaErrorCode, wasSent: Bool) throws(WorkerError) {
        let batch = window[token.slot]
        var plan = batch.plans[token.record] ?? DeliveryPlan(failure: batch.failures[token.record])
        let outcome = plan.undelivered(token.part, code, patience: patience(for: token, of: batch))
        batch.plans[token.record] = plan
        metrics.undelivered()
        logger.debug("a \(token.part) was not delivered", [.code: "\(code.name)"])
        guard case .send(let parts) = outcome else {
            throw WorkerError(
                code: .deadLetterNotWritten,
                message: "\(name.rawValue) lane: a dead letter cannot be written to "
                    + "\(configuration.topics.deadLetters): \(code.description) (\(code.name)). "
                    + "Its request is not committed and comes again.")
        }
        if transactions != nil, wasSent, let record = batch.records?.batch.record(at: token.record) {
            plans[RecordPlace(partition: record.partition, offset: record.offset)] = plan
            transactions?.failed()
            acknowledge(batch)
        } else {
            // One place is taken already.
            batch.unacknowledged += parts.count
            resends += parts.map { DeliveryToken(slot: token.slot, record: token.record, part: $0) }
            acknowledge(batch)
        }
    }

    /// What a reply that is not delivered yet is worth: in the interactive lane one partition that takes nothing must not be in
    /// everybody's way.
    private func patience(for token: DeliveryToken, of batch: Batch) -> DeliveryPlan.Patience {
        guard name == .interactive, token.part == .reply, let record = batch.records?.batch.record(at: token.record)
        else { return .endless }
        let request = describe(record).request
        guard request.deadline == nil else {
            return request.isExpired(at: UnixTime.milliseconds) ? .over : .endless
        }
        // Longer than any usual client waits that says nothing of it.
        return ContinuousClock.now - batch.receivedAt < .seconds(60) ? .endless : .exhausted
    }

    /// What can be said of a request that was answered. Borrowed until the next call.
    private func describe(_ record: ConsumedRecord) -> Answer {
        var headers = RequestHeaders()
        record.forEachHeader { headers.add(name: $0, value: $1) }
        return answerer.describe(
            headers: headers, value: record.value, source: source(of: record), timestamp: record.timestampMilliseconds)
    }

    /// Sends again, each in its new way, what was not delivered. Returns whether it got on.
    func sendAgain() throws(WorkerError) -> Bool {
        var gotOn = false
        while let token = resends.first {
            let batch = window[token.slot]
            guard let record = batch.records?.batch.record(at: token.record), let plan = batch.plans[token.record]
            else {
                resends.removeFirst()
                continue
            }
            let isAlone = token.part == .reply ? plan.reply == .alone : plan.deadLetter == .alone
            guard mayHandOver(exclusively: isAlone) else { return gotOn }
            let error = hand(over: token, exclusively: isAlone) { () throws(KafkaError) in
                try sendAgain(token, record, plan, batch)
            }
            if error?.code == .queueFull { return gotOn }
            if let error, error.isFatal { throw WorkerError(error, lane: name) }
            resends.removeFirst()
            gotOn = true
            if let error {
                try settle(token, error.code, wasSent: false)
            } else {
                // It was counted when it was planned, and again when it was handed over.
                batch.unacknowledged -= 1
            }
        }
        return gotOn
    }

    private func sendAgain(
        _ token: DeliveryToken, _ record: ConsumedRecord, _ plan: DeliveryPlan, _ batch: Batch
    ) throws(KafkaError) {
        var answer = describe(record)
        answer.failure = plan.failure
        if token.part == .deadLetter, let failure = plan.failure {
            return try sendDeadLetter(
                record, failure, source: answer.source, isBare: plan.deadLetter == .bare, token: token)
        }
        let value: UnsafeRawBufferPointer
        if plan.reply == .small, let failure = plan.failure {
            smallReplies.reset()
            let range = answerer.encodeSmallError(failure, source: answer.source, into: smallReplies)
            value = smallReplies.bytes(in: range)
        } else {
            value = batch.arena.bytes(in: batch.values[token.record])
        }
        try sendReply(
            answer, key: record.key, value: value, byKey: plan.goesByKey, now: UnixTime.milliseconds,
            token: token,
            copying: plan.reply == .small)
    }
}
