import Kafka
import Logging
import Telemetry

extension Lane {
    // MARK: - At least once

    /// Commits what is answered, in the background, once in a while.
    func commitIfDue(at now: ContinuousClock.Instant) {
        guard now >= nextCommit else { return }
        if control.takeCommitFailure() { ledger.commitFailed() }
        guard ledger.hasUncommitted else { return }
        nextCommit = now + configuration.commitInterval
        commitAnswered(synchronously: false)
    }

    /// Commits what is answered. What fails is answered again by the partition's next owner: at least once.
    func commitAnswered(synchronously: Bool, within: Duration = .seconds(5)) {
        // Those positions are of a topic that is no more.
        guard !topicIsNew else { return }
        let positions = ledger.uncommitted()
        do throws(KafkaError) {
            try consumer.storeOffsets(offsets(positions))
            // Whatever is stored, by an earlier call too whose commit failed.
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

    /// How long one call that ends a transaction waits, so that the lane looks after its group meanwhile.
    static var endingTurn: Duration { .seconds(2) }

    /// Ends the transaction if it is time.
    func advanceTransaction(at now: ContinuousClock.Instant) throws(WorkerError) {
        switch transactions?.next(at: now, hasUnanswered: !outbox.isEmpty) {
        case nil, .proceed, .drain, .rewind: break
        case .commit: try commitTransaction(within: Self.endingTurn)
        case .abort: try abortTransaction(within: Self.endingTurn)
        }
        try rewindIfNeeded()
    }

    /// Goes on with the end of the transaction, to which it has come, until this time. What is not done then is left to later turns.
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

    /// Commits replies, dead letters and offsets in one. If the broker refuses, the transaction has failed and is
    /// aborted next; if it is late, this is to be called again; if it cannot be known what became of it, the worker must be
    /// started again.
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

    /// Whether the same call tells later what became of the commit or the abort that is under way.
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

    /// Waits a moment before a call is made again. Returns whether there is time for it.
    private func pause(before deadline: ContinuousClock.Instant) -> Bool {
        guard ContinuousClock.now < deadline else { return false }
        // Whatever it is that signals is looked at in every turn.
        control.wakeup.wait(timeout: .milliseconds(10))
        return true
    }

    /// Aborts: no `read_committed` reader sees anything of it. The consumer goes back as soon as it can. If the broker is late,
    /// this is to be called again.
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
        // Nothing is on its way any more. What was received since the transaction began comes again.
        dropReceived()
        outbox.removeAll()
    }

    /// Goes back to where the aborted transaction began: this lane's own knowledge, since the broker's answer may be
    /// unstable or none. Not within a callback, whose batch is still to come.
    func rewindIfNeeded() throws(WorkerError) {
        guard transactions?.state == .rewinding else { return }
        // Received in the call during whose callbacks the transaction was aborted.
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
