import Kafka
import Logging
import Telemetry

extension Lane {
    // MARK: - At least once

    /// Commits what is answered, in the background, once in a while.
    func commitIfDue(at now: ContinuousClock.Instant) {
        guard now >= nextCommit else { return }
        if control.takeCommitFailure() { hasUncommitted = true }
        guard hasUncommitted else { return }
        nextCommit = now + configuration.commitInterval
        commitAnswered(synchronously: false)
    }

    /// Commits what is answered. What fails is answered again by the partition's next owner: at least once.
    func commitAnswered(synchronously: Bool, within: Duration = .seconds(5)) {
        hasUncommitted = false
        let positions = ledger.uncommitted()
        do throws(KafkaError) {
            try consumer.storeOffsets(offsets(positions))
            // Whatever is stored, by an earlier call too whose commit failed.
            try consumer.commitStored(synchronously: synchronously, within: within)
            ledger.markCommitted(positions)
            if !positions.isEmpty { metrics.committed() }
        } catch {
            hasUncommitted = true
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

    /// Ends the transaction if it is time.
    func advanceTransaction(at now: ContinuousClock.Instant) throws(WorkerError) {
        switch transactions?.next(at: now, hasUnanswered: !window.isEmpty) {
        case nil, .proceed, .drain: break
        case .commit: try commitTransaction()
        case .abort: try abortTransaction(within: configuration.transactions.timeout)
        }
        try rewindIfNeeded()
    }

    /// Commits replies, dead letters and offsets in one. If the broker refuses, the transaction has failed and is
    /// aborted next; if it cannot be known what became of it, the worker must be started again.
    func commitTransaction() throws(WorkerError) {
        let positions = ledger.uncommitted()
        let deadline = ContinuousClock.now + configuration.transactions.timeout
        do throws(KafkaError) {
            let group = try consumer.groupMetadata()
            try retrying(until: deadline) { within throws(KafkaError) in
                try producer.sendOffsets(offsets(positions), group: group, within: within)
            }
            try retrying(until: deadline) { within throws(KafkaError) in
                try producer.commitTransaction(within: within) { token, error, _, _ in report(token, error) }
            }
            ledger.markCommitted(positions)
            transactions?.committed()
            plans.removeAll()
            metrics.committed()
        } catch {
            guard !error.isFatal else { throw WorkerError(error, lane: name) }
            logger.log(
                level: error.code.isNormalInRebalance ? .debug : .warning, "a transaction is aborted and done again",
                [.error: "\(error)"])
            metrics.commitFailed()
            transactions?.failed()
        }
    }

    private func retrying(
        until deadline: ContinuousClock.Instant, _ call: (_ within: Duration) throws(KafkaError) -> Void
    ) throws(KafkaError) {
        while true {
            let remaining = max(deadline - .now, .milliseconds(100))
            do throws(KafkaError) {
                return try call(remaining)
            } catch {
                guard error.isRetriable, !error.isFatal, !error.isTransactionAbortable, ContinuousClock.now < deadline
                else { throw error }
            }
        }
    }

    /// Aborts: no `read_committed` reader sees anything of it. The consumer goes back as soon as it can.
    func abortTransaction(within: Duration) throws(WorkerError) {
        do throws(KafkaError) {
            try producer.abortTransaction(within: within) { token, error, _, _ in report(token, error) }
        } catch {
            throw WorkerError(error, lane: name)
        }
        takeReports()
        transactions?.aborted()
        metrics.aborted()
        // Nothing is on its way any more. What was received since the transaction began comes again.
        undelivered.removeAll()
        resends.removeAll()
        received.removeAll()
        sending = nil
        outstanding = 0
        isExclusive = false
        window.closeAll()
        needsRewind = true
    }

    /// Goes back to where the aborted transaction began: this lane's own knowledge, since the broker's answer may be
    /// unstable or none. Not within a callback, whose batch is still to be claimed.
    func rewindIfNeeded() throws(WorkerError) {
        guard needsRewind else { return }
        needsRewind = false
        // Received in the call during whose callbacks the transaction was aborted.
        for batch in received { window.close(batch) }
        received.removeAll()
        let positions = ledger.rewind()
        guard !positions.isEmpty else { return }
        do throws(KafkaError) {
            try consumer.seek(to: offsets(positions))
        } catch {
            throw WorkerError(error, lane: name)
        }
    }
}
