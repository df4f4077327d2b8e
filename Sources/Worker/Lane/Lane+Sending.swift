import Kafka
import Logging
import Messages
import Platform
import Telemetry

/// Replies and dead letters on their way to the producer, and what becomes of them.
extension Lane {
    /// Enqueues records until none are left or the producer queue is full. Returns whether it made progress.
    @discardableResult
    func sendOn() throws(WorkerError) -> Bool {
        // An aborting transaction takes nothing more; its requests are read again.
        guard transactions?.isAborting != true else { return false }
        var madeProgress = false
        let now = UnixTime.milliseconds
        while let item = outbox.next() {
            do throws(KafkaError) {
                try send(item.token, now: now)
                outbox.enqueued(item)
            } catch {
                if error.code == .queueFull { return madeProgress }
                if error.isFatal { throw WorkerError(error, lane: name) }
                try follow(outbox.rejected(item, error.code, now: now), item.token, error.code)
            }
            madeProgress = true
        }
        if let (batch, took) = outbox.finishSending() {
            metrics.sent(took: took)
            if batch.isDone { close(batch) }
        }
        return madeProgress
    }

    /// Enqueues a reply or a dead letter.
    private func send(_ token: DeliveryToken, now: Int64) throws(KafkaError) {
        let batch = outbox[token.slot]
        guard let record = batch.records?.batch.record(at: token.record) else { return }
        try batch.withAnswer(token.record) { answer throws(KafkaError) in
            switch token.part {
            case .reply: try sendReply(answer, to: record, of: batch, now: now, token: token)
            case .deadLetter: try sendDeadLetter(record, answer, token: token)
            }
        }
    }

    /// Sends a reply: the echoed headers and the value.
    private func sendReply(
        _ answer: borrowing Answer, to record: ConsumedRecord, of batch: Batch, now: Int64, token: DeliveryToken
    ) throws(KafkaError) {
        let status = answer.plan.failure?.code
        let topic = topics.index(of: answer)
        var headers = RecordHeaders(capacity: 6)
        headerWriter.writeReply(
            echoing: answer.echoed, id: answer.id, isCloudEvent: answer.isCloudEvent, source: answer.source,
            status: status, isAvro: status == nil && !answer.isDirected && avroTopics.contains(topic), now: now
        ) { name, value in headers.append(name: name, value: value) }
        if status == nil, let note = batch.note(of: token.record) { append(note, of: batch, to: &headers) }
        if copiedHeaders != .none {
            record.forEachHeader { name, value in
                if copiedHeaders.contains(name) { headers.append(nameBytes: name, value: value) }
            }
        }
        if name == .interactive { appendTiming(of: answer, in: batch, now: now, to: &headers) }
        var value = batch.arena.bytes(in: answer.value)
        var isCopied = false
        if answer.plan.reply == .small, let failure = answer.plan.failure {
            scratch.reset()
            value = scratch.bytes(in: answerer.encodeSmallError(failure, source: answer.source, into: scratch))
            isCopied = true
        }
        // A requested partition belongs to the requested topic, or to the default one.
        let isElsewhere =
            answer.plan.goesByKey || status == .replyTopicNotAllowed || (!answer.isDirected && topic != 0)
        try producer.send(
            to: replyTopics[topic], partition: isElsewhere ? nil : answer.echoed.replyPartition, key: record.key,
            value: value, headers: &headers, token: token.bits, copying: isCopied)
    }

    /// Sends a request to the dead-letter topic, unchanged except for headers with the reason.
    private func sendDeadLetter(
        _ record: ConsumedRecord, _ answer: borrowing Answer, token: DeliveryToken
    ) throws(KafkaError) {
        guard let failure = answer.plan.failure else { return }
        let isBare = answer.plan.deadLetter == .bare
        var message = failure.message
        var headers = RecordHeaders(capacity: 16)
        if isBare {
            message += " (key, value and headers are left out: the topic takes no larger dead letter)"
        } else {
            headers.copy(of: record)
        }
        headerWriter.writeDeadLetter(
            source: answer.source, group: configuration.groupName(of: name), code: failure.code, message: message
        ) { name, value in headers.append(name: name, value: value) }
        // Copied, although the record outlives it: dead letters are rare, and the producer then owns its memory.
        try producer.send(
            to: deadLetterTopic, key: isBare ? nil : record.key, value: isBare ? nil : record.value, headers: &headers,
            token: token.bits, copying: true)
    }

    /// Adds the headers that repeat what was decided.
    private func append(_ note: Batch.Note, of batch: Batch, to headers: inout RecordHeaders) {
        if replyHeaders.contains(.label) {
            headers.append(name: HeaderName.label, value: batch.arena.bytes(in: note.label))
        }
        if replyHeaders.contains(.confidence) {
            headers.append(name: HeaderName.confidence, value: batch.arena.bytes(in: note.confidence))
        }
    }

    /// Adds the timing header, in milliseconds.
    private func appendTiming(
        of answer: borrowing Answer, in batch: Batch, now: Int64, to headers: inout RecordHeaders
    ) {
        scratch.reset()
        scratch.append(literal: "queue;dur=")
        scratch.append(decimal: answer.timestamp >= 0 ? max(0, now - answer.timestamp) : 0)
        scratch.append(literal: ", classify;dur=")
        let microseconds = batch.classifying.microseconds
        scratch.append(decimal: microseconds / 1_000)
        scratch.append(UInt8(ascii: "."))
        for digit in [microseconds / 100 % 10, microseconds / 10 % 10, microseconds % 10] {
            scratch.append(decimal: digit)
        }
        headers.append(name: HeaderName.timing, value: scratch.bytes)
    }

    // MARK: - Acknowledgements

    /// Processes the pending delivery reports. Returns how many.
    @discardableResult
    func takeReports(waiting: Duration = .zero) -> Int {
        producer.receiveDeliveryReports(waiting: waiting) { token, error, _, _ in report(token, error) }
    }

    func report(_ bits: UInt, _ error: KafkaErrorCode?) {
        if let batch = outbox.reported(DeliveryToken(bits: bits), error) { close(batch) }
    }

    /// Completes the claims of a fully acknowledged batch in the ledger and frees its slot.
    private func close(_ batch: Batch) {
        for claim in batch.claims { ledger.complete(claim) }
        metrics.delivered(took: .now - batch.receivedAt)
        outbox.close(batch)
    }

    /// Plans the undelivered records. Those of an aborting transaction are read again instead.
    func planUndelivered() throws(WorkerError) {
        guard outbox.hasUndelivered, transactions?.isAborting != true else { return }
        let now = UnixTime.milliseconds
        for (token, code) in outbox.takeUndelivered() {
            let outcome = outbox.undelivered(token, code, inTransaction: transactions != nil, now: now)
            transactions?.failed()
            try follow(outcome, token, code)
        }
    }

    /// Acts on the outcome of a failed delivery: something else is planned, or nothing.
    private func follow(
        _ outcome: DeliveryPlan.Outcome, _ token: DeliveryToken, _ code: KafkaErrorCode
    ) throws(WorkerError) {
        metrics.undelivered()
        logger.debug("a \(token.part) was not delivered", [.code: "\(code.name)"])
        guard outcome != .stop else {
            throw WorkerError(
                code: .deadLetterNotWritten,
                message: "\(name.rawValue) lane: a dead letter cannot be written to "
                    + "\(configuration.topics.deadLetters): \(code.description) (\(code.name)). "
                    + "Its request is not committed and comes again.")
        }
        if let batch = outbox.acknowledge(token) { close(batch) }
    }
}
