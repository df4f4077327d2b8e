import Kafka
import Logging
import Telemetry

extension Lane {
    // MARK: - At least once

    /// Commits what is answered, asynchronously, at intervals.
    func commitIfDue(at now: ContinuousClock.Instant) {
        guard now >= nextCommit else { return }
        if control.takeCommitFailure() { ledger.commitFailed() }
        guard ledger.hasUncommitted else { return }
        nextCommit = now + configuration.commitInterval
        commitAnswered(synchronously: false)
    }

    /// Commits what is answered. If that fails, the partition's next owner answers it again: at-least-once.
    func commitAnswered(synchronously: Bool, within: Duration = .seconds(5)) {
        // The positions belong to the deleted topic.
        guard !topicIsNew else { return }
        let positions = ledger.uncommitted()
        do throws(KafkaError) {
            try consumer.storeOffsets(offsets(positions))
            // Commits everything stored, also by an earlier call whose commit failed.
            try consumer.commitStored(synchronously: synchronously, within: within)
            ledger.markCommitted(positions)
            if !positions.isEmpty { metrics.committed() }
        } catch {
            ledger.commitFailed()
            metrics.commitFailed()
            logger.log(
                level: error.code.isNormalInRebalance ? .debug : .warning, "offsets were not committed",
                [.error: "\(error)"])
        }
    }

    private func offsets(_ positions: [OffsetLedger.Position]) -> [(TopicPartition, Int64)] {
        let topic = configuration.requestTopic(of: name)
        return positions.map { (TopicPartition(topic: topic, partition: $0.partition), $0.offset) }
    }

    // MARK: - Exactly once

    /// The time limit of one call that ends a transaction, so that the lane can serve its group in between.
    static var endingTurn: Duration { .seconds(2) }

    /// Ends the transaction if it is due.
    func advanceTransaction(at now: ContinuousClock.Instant) throws(WorkerError) {
        switch transactions?.next(at: now, hasUnanswered: outbox.count > inbox.count) {
        case nil, .proceed, .drain, .rewind: break
        case .commit: try commitTransaction(within: Self.endingTurn)
        case .abort: try abortTransaction(within: Self.endingTurn)
        }
        try rewindIfNeeded()
    }

    /// Continues to end the transaction until the deadline. Later turns do the rest.
    func finishTransaction(until deadline: ContinuousClock.Instant) throws(WorkerError) {
        repeat {
            let within = max(min(deadline - .now, Self.endingTurn), .milliseconds(100))
            switch transactions?.state {
            case .ending, .committing: try commitTransaction(within: within)
            case .aborting: try abortTransaction(within: within)
            case nil, .idle, .open, .rewinding: return
            }
            control.turned(at: .now)
        } while pause(before: deadline)
    }

    /// Commits replies, dead letters and offsets in one transaction. If the broker refuses, the transaction is aborted
    /// next. If the broker is late, call this again. If the outcome cannot be known, it throws, and the worker must be
    /// restarted.
    private func commitTransaction(within: Duration) throws(WorkerError) {
        var isUnderWay = transactions?.state != .ending
        do throws(KafkaError) {
            if !isUnderWay {
                let positions = ledger.uncommitted()
                let group = try consumer.groupMetadata()
                try retrying(until: .now + configuration.transactions.timeout) { within throws(KafkaError) in
                    try producer.sendOffsets(offsets(positions), group: group, within: within)
                }
                transactions?.commitBegins(positions, at: .now)
                isUnderWay = true
            }
            try producer.commitTransaction(within: within) { token, error, _, _ in report(token, error) }
            ledger.markCommitted(transactions?.positions ?? [])
            transactions?.committed()
            outbox.forgetPlans()
            metrics.committed()
        } catch {
            if isUnderWay, isToBeCalledAgain(error) { return }
            guard !error.isFatal, !(isUnderWay && error.isRetriable) else { throw WorkerError(error, lane: name) }
            logger.log(
                level: error.code.isNormalInRebalance ? .debug : .warning, "a transaction is aborted and done again",
                [.error: "\(error)"])
            metrics.commitFailed()
            transactions?.refused()
        }
    }

    /// Whether to retry the call, because a commit or abort is under way and its outcome is still open.
    private func isToBeCalledAgain(_ error: KafkaError) -> Bool {
        guard error.isRetriable, !error.isFatal, !error.isTransactionAbortable,
            transactions?.isBeingEnded(at: .now) == true
        else { return false }
        logger.debug("the broker is late to end a transaction; trying on", [.error: "\(error)"])
        return true
    }

    private func retrying(
        until deadline: ContinuousClock.Instant, _ call: (_ within: Duration) throws(KafkaError) -> Void
    ) throws(KafkaError) {
        while true {
            let remaining = max(deadline - .now, .milliseconds(100))
            do throws(KafkaError) {
                return try call(remaining)
            } catch {
                guard error.isRetriable, !error.isFatal, !error.isTransactionAbortable, pause(before: deadline)
                else { throw error }
            }
        }
    }

    /// Waits briefly before a retry. Returns whether there is time for one.
    private func pause(before deadline: ContinuousClock.Instant) -> Bool {
        guard ContinuousClock.now < deadline else { return false }
        // Consumes the wakeup: every turn checks all its sources anyway.
        control.wakeup.wait(timeout: .milliseconds(10))
        return true
    }

    /// Aborts the transaction: no `read_committed` reader sees any of it. The consumer rewinds as soon as it can. If
    /// the broker is late, call this again.
    private func abortTransaction(within: Duration) throws(WorkerError) {
        transactions?.abortBegins(at: .now)
        do throws(KafkaError) {
            try producer.abortTransaction(within: within) { token, error, _, _ in report(token, error) }
        } catch {
            if isToBeCalledAgain(error) { return }
            throw WorkerError(error, lane: name)
        }
        takeReports()
        transactions?.aborted()
        metrics.aborted()
        // Nothing is in flight any more. Everything received since the transaction began is read again.
        dropReceived()
        outbox.removeAll()
    }

    /// Rewinds to where the aborted transaction began. Uses the ledger, since the broker may have no committed offset,
    /// or an unstable one. Not called in a callback, whose batch has not been delivered yet.
    func rewindIfNeeded() throws(WorkerError) {
        guard transactions?.state == .rewinding else { return }
        // Received by the poll whose callbacks aborted the transaction.
        dropReceived()
        transactions?.rewound()
        let positions = ledger.rewind()
        guard !positions.isEmpty else { return }
        do throws(KafkaError) {
            try consumer.seek(to: offsets(positions))
        } catch {
            throw WorkerError(error, lane: name)
        }
    }
}
