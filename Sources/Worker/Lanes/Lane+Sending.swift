import Kafka
import Messages
import Platform

extension Lane {
    /// Goes on sending the batch at hand until it is sent, or the producer has no room. Returns whether it got on.
    @discardableResult
    func sendOn() throws(WorkerError) -> Bool {
        // An aborted transaction takes nothing more; what it was to hold is read again.
        guard transactions?.state != .aborting else { return false }
        var gotOn = try sendAgain()
        guard var state = sending, resends.isEmpty else { return gotOn }
        defer { if sending != nil { sending = state } }
        let now = UnixTime.milliseconds
        while state.index < answerer.answers.count {
            guard try send(&state, now: now) else { return gotOn }
            gotOn = true
            state.index += 1
            state.replyIsSent = false
        }
        sending = nil
        state.batch.isSent = true
        metrics.sent(took: ContinuousClock.now - state.startedAt)
        closeIfDone(state.batch)
        return gotOn
    }

    /// Hands the reply, and the dead letter if there is to be one, of the next record to the producer. Returns `false`
    /// if it has to be tried again later.
    private func send(_ state: inout SendingState, now: Int64) throws(WorkerError) -> Bool {
        let index = state.index
        let batch = state.batch
        guard let record = batch.records?.batch.record(at: index) else { return true }
        let plan = batch.plans.isEmpty ? nil : batch.plans[index]
        if !state.replyIsSent {
            if plan?.reply != DeliveryPlan.Reply.none {
                guard mayHandOver(exclusively: plan?.reply == .alone) else { return false }
                let token = DeliveryToken(slot: batch.slot, record: index, part: .reply)
                let value = batch.arena.bytes(in: answerer.answers[index].value)
                let outcome = hand(over: token, exclusively: plan?.reply == .alone) { () throws(KafkaError) in
                    try answerer.withAnswer(index) { answer throws(KafkaError) in
                        try sendReply(
                            answer, key: record.key, value: value, byKey: plan?.goesByKey ?? false, now: now,
                            token: token, copying: false)
                    }
                }
                guard try accept(outcome, token, batch) else { return false }
            }
            state.replyIsSent = true
        }
        guard let failure = answerer.answers[index].failure, failure.code.isDeadLettered else { return true }
        guard mayHandOver(exclusively: plan?.deadLetter == .alone) else { return false }
        let token = DeliveryToken(slot: batch.slot, record: index, part: .deadLetter)
        let outcome = hand(over: token, exclusively: plan?.deadLetter == .alone) { () throws(KafkaError) in
            try sendDeadLetter(
                record, failure, source: answerer.answers[index].source, isBare: plan?.deadLetter == .bare, token: token
            )
        }
        return try accept(outcome, token, batch)
    }

    /// Whether the producer may be given a record now: one that must be alone waits for all others, and they for it.
    func mayHandOver(exclusively: Bool) -> Bool {
        !isExclusive && (!exclusively || outstanding == 0)
    }

    /// Calls `send` and counts the record if it was taken. Returns what was wrong.
    func hand(
        over token: DeliveryToken, exclusively: Bool, _ send: () throws(KafkaError) -> Void
    ) -> KafkaError? {
        do throws(KafkaError) { try send() } catch { return error }
        window[token.slot].unacknowledged += 1
        outstanding += 1
        isExclusive = exclusively
        return nil
    }

    /// What follows from handing over. Returns `false` if the same has to be tried again later.
    private func accept(_ error: KafkaError?, _ token: DeliveryToken, _ batch: Batch) throws(WorkerError) -> Bool {
        guard let error else { return true }
        if error.code == .queueFull { return false }
        if error.isFatal { throw WorkerError(error, lane: name) }
        // No report will come: counted here, so that it can be settled like one that came.
        batch.unacknowledged += 1
        try settle(token, error.code, wasSent: false)
        return true
    }

    /// Sends a reply: the echoed headers and the value.
    func sendReply(
        _ answer: borrowing Answer, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer, byKey: Bool,
        now: Int64, token: DeliveryToken, copying: Bool
    ) throws(KafkaError) {
        var headers = RecordHeaders(capacity: 6)
        headerWriter.writeReply(
            to: answer.headers, request: answer.request, source: answer.source, status: answer.failure?.code, now: now
        ) { name, value in headers.append(name: name, value: value) }
        if name == .interactive { appendTiming(of: answer, now: now, to: &headers) }
        // The partition asked for is one of the topic asked for.
        let isElsewhere = byKey || answer.failure?.code == .replyTopicNotAllowed
        try producer.send(
            to: replyTopics[answer.topic], partition: isElsewhere ? nil : answer.headers.replyPartition, key: key,
            value: value, headers: &headers, token: token.bits, copying: copying)
    }

    /// Sends a request to the dead-letter topic, untouched but for the headers that say why.
    func sendDeadLetter(
        _ record: ConsumedRecord, _ failure: Answer.Failure, source: RecordSource, isBare: Bool, token: DeliveryToken
    ) throws(KafkaError) {
        var message = failure.message
        var headers = RecordHeaders(capacity: 16)
        if isBare {
            message += " (left out of this dead letter, which the topic takes no larger: key, value and headers)"
        } else {
            headers.copy(of: record)
        }
        headerWriter.writeDeadLetter(
            source: source, group: configuration.groupName(of: name), code: failure.code, message: message
        ) { name, value in headers.append(name: name, value: value) }
        // Copied, though the record outlives it: a dead letter is rare, and its memory then is the producer's own.
        try producer.send(
            to: deadLetterTopic, key: isBare ? nil : record.key, value: isBare ? nil : record.value, headers: &headers,
            token: token.bits, copying: true)
    }

    /// `triage-timing`: where the time went, in milliseconds, as HTTP's `Server-Timing` has it.
    private func appendTiming(of answer: borrowing Answer, now: Int64, to headers: inout RecordHeaders) {
        scratch.reset()
        scratch.append(literal: "queue;dur=")
        scratch.append(decimal: answer.timestamp >= 0 ? max(0, now - answer.timestamp) : 0)
        scratch.append(literal: ", classify;dur=")
        let microseconds = answerer.classifying.wholeMicroseconds
        scratch.append(decimal: microseconds / 1_000)
        scratch.append(UInt8(ascii: "."))
        for digit in [microseconds / 100 % 10, microseconds / 10 % 10, microseconds % 10] {
            scratch.append(decimal: digit)
        }
        headers.append(name: "triage-timing", value: scratch.bytes)
    }
}
