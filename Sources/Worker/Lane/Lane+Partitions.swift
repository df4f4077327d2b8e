import Kafka
import Logging
import Telemetry

/// Breaks the cycle: the consumer needs its handler at creation, and the lane needs its consumer.
final class RebalanceRelay: RebalanceHandler {
    weak var lane: Lane?

    func partitionsAssigned(_ partitions: [TopicPartition], consumer: Consumer) { lane?.assigned(partitions) }
    func partitionsRevoked(_ partitions: [TopicPartition], consumer: Consumer) { lane?.revoked(partitions) }
    func partitionsLost(_ partitions: [TopicPartition], consumer: Consumer) { lane?.lost(partitions) }
}

/// Rebalance callbacks. They run on the lane's thread, inside a call to receive or close.
extension Lane {
    func assigned(_ partitions: [TopicPartition]) {
        for partition in partitions { ledger.assign(partition.partition) }
        // A batch that was received under an earlier assignment must not be claimed under this one.
        inbox.release(partitions.map(\.partition))
        if inbox.isPaused, !partitions.isEmpty { try? consumer.pause(partitions) }
        metrics.rebalanced(.assigned)
        joined()
        logger.debug("partitions assigned", [.partitions: "\(numbers(partitions))"])
    }

    /// The lane has its assignment, which may be empty.
    func joined() {
        if !control.hasJoined { onJoined?() }
        control.setJoined(true)
    }

    /// The partitions are ours until this returns: batches in flight are first finished and committed, within a time
    /// limit.
    func revoked(_ partitions: [TopicPartition]) {
        logger.debug("partitions to be given away", [.partitions: "\(numbers(partitions))"])
        metrics.rebalanced(.revoked)
        if failure == nil, !isEnding {
            do throws(WorkerError) {
                try drainForRevocation()
            } catch {
                failure = error
            }
        }
        if topicIsNew {
            try? commitStart(of: partitions, within: configuration.rebalanceDrainTimeout)
        } else if transactions == nil, !isEnding {
            commitAnswered(synchronously: true, within: configuration.rebalanceDrainTimeout)
        }
        release(partitions)
    }

    /// The partitions already belong to another member: nothing of them may be committed.
    func lost(_ partitions: [TopicPartition]) {
        metrics.rebalanced(.lost)
        logger.info("partitions lost", [.partitions: "\(numbers(partitions))"])
        release(partitions)
        // The group coordinator would reject the transaction's offsets, since the group has a new generation. The next
        // turn aborts it.
        transactions?.failed()
    }

    private func release(_ partitions: [TopicPartition]) {
        for partition in partitions { ledger.release(partition.partition) }
        inbox.release(partitions.map(\.partition))
        // What still needs one asks again.
        writerSchemas?.giveUp()
    }

    private func drainForRevocation() throws(WorkerError) {
        let deadline = ContinuousClock.now + configuration.rebalanceDrainTimeout
        transactions?.end()
        while ContinuousClock.now < deadline, transactions?.isAborting != true {
            // A transaction that is ending starts nothing new, and a registry may take its time: waiting batches are read
            // again.
            let answersWaiting = transactions == nil && hasSchemas(at: .now)
            guard !outbox.isEmpty, answersWaiting || outbox.count > inbox.count else { break }
            control.turned(at: .now)
            takeReports(waiting: .milliseconds(10))
            try planUndelivered()
            try sendOn()
            if answersWaiting { try answerReceived(at: .now) }
        }
        if transactions?.state != .ending || outbox.count > inbox.count { transactions?.failed() }
        // A transaction still open must end, even if the partitions have a new owner by then.
        try finishTransaction(until: max(deadline, .now + .seconds(1)))
    }

    private func numbers(_ partitions: [TopicPartition]) -> String {
        partitions.map { String($0.partition) }.joined(separator: ",")
    }
}

/// The request topic was deleted and recreated while the lane read it, so the lane's positions are invalid. Until the
/// start of the new topic is committed, nothing is received and no other position is committed.
extension Lane {
    /// Whether the request topic was recreated and the positions belong to the old one.
    var topicIsNew: Bool { nextBeginning != nil }

    func noteNewTopic() {
        nextBeginning = .now
        transactions?.failed()
        metrics.topicRecreated()
        logger.warning(
            "the topic was deleted and created again: it is read from its start, and what was answered since then is answered once more",
            [.topic: "\(configuration.requestTopic(of: name))"])
    }

    /// Rereads the owned partitions from the start, once no transaction is open. Answers to requests of the old topic
    /// do not move positions in the new one.
    func rereadNewTopicIfDue(at now: ContinuousClock.Instant) {
        guard let nextBeginning, now >= nextBeginning else { return }
        // What was received of the old topic is answered first; within transactions it is dropped.
        guard transactions.map({ $0.state == .idle }) ?? inbox.isEmpty else { return }
        let partitions = consumer.assignment
        for partition in partitions { ledger.assign(partition.partition) }
        inbox.release(partitions.map(\.partition))
        outbox.forgetPlans()
        do throws(KafkaError) {
            try commitStart(of: partitions, within: .seconds(2))
            if !partitions.isEmpty { try consumer.seek(to: partitions.map { ($0, 0) }) }
            self.nextBeginning = nil
        } catch {
            // The brokers may not all know the new topic yet.
            self.nextBeginning = now + .seconds(1)
            logger.info("the start of the new topic is not available yet; retrying", [.error: "\(error)"])
        }
    }

    /// Commits the start of the new topic; otherwise the partitions' next owner would resume at the old position.
    func commitStart(of partitions: [TopicPartition], within: Duration) throws(KafkaError) {
        guard !partitions.isEmpty else { return }
        let start = partitions.map { ($0, Int64(0)) }
        try consumer.storeOffsets(start)
        try consumer.commit(start, within: within)
    }
}
