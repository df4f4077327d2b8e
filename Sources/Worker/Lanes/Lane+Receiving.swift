import Kafka
import Logging
import Messages
import Platform
import Telemetry

extension Lane {
    /// Answers what was received and had to wait; else receives a batch, if there is room for one, and answers that.
    /// Returns whether there was any.
    func receive(at now: ContinuousClock.Instant) throws(WorkerError) -> Bool {
        if mayAnswer { return try answerReceived(at: now) }
        let before = window.count
        do throws(KafkaError) {
            switch flow.action(at: now, windowIsFull: !mayReceive) {
            case .receive:
                try take(maximum: limit.records)
            case .hold:
                return false
            case .pause:
                logger.debug("paused: too much is unacknowledged", [.count: "\(window.count)"])
                try consumer.pause(consumer.assignment)
                try take(maximum: 1)
            case .poll:
                try take(maximum: 1)
            case .resume:
                logger.debug("resumed")
                try consumer.resume(consumer.assignment)
                try take(maximum: limit.records)
            }
        } catch {
            throw WorkerError(error, lane: name, groupProtocol: configuration.groupProtocol)
        }
        if let failure { throw failure }
        try rewindIfNeeded()
        return mayAnswer ? try answerReceived(at: now) : window.count > before
    }

    /// Whether there is a batch to be answered, and nothing that has to be finished before.
    private var mayAnswer: Bool {
        guard !received.isEmpty, sending == nil, resends.isEmpty, !isExclusive, !topicIsNew else { return false }
        switch transactions?.state {
        case nil, .idle, .open: return true
        case .ending, .committing, .aborting: return false
        }
    }

    /// Whether another batch fits: in the window, into the transaction, beside what is being sent.
    private var mayReceive: Bool {
        guard !window.isFull, sending == nil, received.isEmpty, resends.isEmpty, !isExclusive, !drain.isStopping,
            !topicIsNew
        else { return false }
        switch transactions?.state {
        case nil, .idle, .open: return true
        case .ending, .committing, .aborting: return false
        }
    }

    /// Takes what is there, claims it and puts it into the window. Serves the rebalance callbacks.
    private func take(maximum: Int) throws(KafkaError) {
        let records = ReceivedRecords(try consumer.receive(maximum: maximum))
        let count = records.batch.count
        guard count > 0 else { return }
        var spans = BatchSpans()
        for index in 0..<count {
            let record = records.batch.record(at: index)
            spans.add(partition: record.partition, offset: record.offset)
        }
        let batch = window.open()
        batch.records = records
        batch.receivedAt = .now
        for span in spans.spans {
            // A record of a partition that is not ours has no claim, so it moves no offset. The consumer hands out none.
            guard let claim = ledger.begin(partition: span.partition, first: span.first, end: span.end) else {
                continue
            }
            batch.claims.append(claim)
        }
        received.append(batch)
    }

    /// Answers the oldest batch received, and starts to send it. Returns whether there was one.
    @discardableResult
    func answerReceived(at now: ContinuousClock.Instant) throws(WorkerError) -> Bool {
        guard sending == nil, !received.isEmpty else { return false }
        let batch = received.removeFirst()
        guard let records = batch.records else { return false }
        updateModel()
        if transactions?.add(records: records.batch.count, at: now) == true {
            do throws(KafkaError) { try producer.beginTransaction() } catch { throw WorkerError(error, lane: name) }
        }
        let start = ContinuousClock.now
        decode(records, of: batch)
        let decoded = ContinuousClock.now
        answerer.finish(into: batch.arena, now: { UnixTime.milliseconds })
        for index in answerer.answers.indices {
            batch.values.append(answerer.answers[index].value)
            if let failure = answerer.answers[index].failure { batch.failures[index] = failure }
        }
        let answered = ContinuousClock.now
        metrics.answered(
            count: records.batch.count, failures: batch.failures.values.map(\.code), queued: oldestWait(),
            decoding: decoded - start, classifying: answerer.classifying,
            encoding: answered - decoded - answerer.classifying)
        sending = SendingState(batch: batch)
        _ = try sendOn()
        limit.observe(records: records.batch.count, took: ContinuousClock.now - start)
        return true
    }

    private func decode(_ records: ReceivedRecords, of batch: Batch) {
        answerer.begin()
        var headers = RequestHeaders()
        for index in 0..<records.batch.count {
            let record = records.batch.record(at: index)
            headers.reset()
            record.forEachHeader { headers.add(name: $0, value: $1) }
            let plan = plans.isEmpty ? nil : plans[RecordPlace(partition: record.partition, offset: record.offset)]
            if let plan { batch.plans[index] = plan }
            answerer.add(
                headers: headers, value: record.value, source: source(of: record),
                timestamp: record.timestampMilliseconds, plan: plan)
        }
    }

    /// Where a request lies. Borrows the topic's name from the lane.
    func source(of record: ConsumedRecord) -> RecordSource {
        RecordSource(topic: topic.bytes, partition: record.partition, offset: record.offset)
    }

    /// How long the batch's first request waited in the topic.
    private func oldestWait() -> Duration? {
        guard let written = answerer.answers.first?.timestamp, written >= 0 else { return nil }
        return .milliseconds(max(0, UnixTime.milliseconds - written))
    }
}
