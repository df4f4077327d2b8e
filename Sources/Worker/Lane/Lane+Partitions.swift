import Kafka
import Logging
import Telemetry

/// Stands between the consumer, which needs its handler to be made, and the lane, which needs its consumer.
final class RebalanceRelay: RebalanceHandler {
    weak var lane: Lane?

    func partitionsAssigned(_ partitions: [TopicPartition], consumer: Consumer) { lane?.assigned(partitions) }
    func partitionsRevoked(_ partitions: [TopicPartition], consumer: Consumer) { lane?.revoked(partitions) }
    func partitionsLost(_ partitions: [TopicPartition], consumer: Consumer) { lane?.lost(partitions) }
}

/// Rebalances. All of this runs on the lane's thread, inside of a call to receive or to close.
extension Lane {
    func assigned(_ partitions: [TopicPartition]) {
        for partition in partitions { ledger.assign(partition.partition) }
        if inbox.isPaused, !partitions.isEmpty { try? consumer.pause(partitions) }
        metrics.rebalanced(.assigned)
        joined()
        logger.debug("partitions assigned", [.partitions: "\(numbers(partitions))"])
    }

    /// The lane has its share of the partitions, be it none.
    func joined() {
        if !control.hasJoined { onJoined?() }
        control.setJoined(true)
    }

    /// The partitions are ours until this returns: what is in hand is finished and committed first, within a bound.
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

    /// The partitions are somebody else's already: nothing of them may be committed.
    func lost(_ partitions: [TopicPartition]) {
        metrics.rebalanced(.lost)
        logger.info("partitions lost", [.partitions: "\(numbers(partitions))"])
        release(partitions)
        // Its offsets would be refused: the group has moved on. Aborted in the next turn.
        transactions?.failed()
    }

    private func release(_ partitions: [TopicPartition]) {
        for partition in partitions { ledger.release(partition.partition) }
        inbox.release(partitions.map(\.partition))
    }

    private func drainForRevocation() throws(WorkerError) {
        let deadline = ContinuousClock.now + configuration.rebalanceDrainTimeout
        transactions?.end()
        while ContinuousClock.now < deadline, transactions?.isAborting != true {
            // Within a transaction that is about to end nothing new is begun: what waits is read again.
            guard !outbox.isEmpty, transactions == nil || outbox.count > inbox.count else { break }
            control.turned(at: .now)
            takeReports(waiting: .milliseconds(10))
            try planUndelivered()
            try sendOn()
            if transactions == nil { try answerReceived(at: .now) }
        }
        if transactions?.state != .ending || outbox.count > inbox.count { transactions?.failed() }
        // What that leaves undone ends as it must, whoever owns the partitions then.
        try finishTransaction(until: max(deadline, .now + .seconds(1)))
    }

    private func numbers(_ partitions: [TopicPartition]) -> String {
        partitions.map { String($0.partition) }.joined(separator: ",")
    }
}

/// The topic of requests was deleted and made again while the lane read it: its positions are places in a topic that
/// is no more. Until the start of the new one is committed nothing is received and no other position is committed.
extension Lane {
    /// Whether the topic of requests is not the one that the positions are of.
    var topicIsNew: Bool { nextBeginning != nil }

    func noteNewTopic() {
        nextBeginning = .now
        transactions?.failed()
        metrics.topicRecreated()
        logger.warning(
            "the topic was deleted and made again: it is read from its start, what was answered since then once more",
            [.topic: "\(configuration.requestTopic(of: name))"])
    }

    /// Reads what it owns of the topic from the start, once no transaction is open. What is answered of the old topic
    /// moves nothing in the new one.
    func beginAnewIfDue(at now: ContinuousClock.Instant) {
        guard let nextBeginning, now >= nextBeginning, transactions == nil || transactions?.state == .idle else {
            return
        }
        let partitions = consumer.assignment
        for partition in partitions { ledger.assign(partition.partition) }
        inbox.release(partitions.map(\.partition))
        outbox.forgetPlans()
        do throws(KafkaError) {
            try commitStart(of: partitions, within: .seconds(2))
            if !partitions.isEmpty { try consumer.seek(to: partitions.map { ($0, 0) }) }
            self.nextBeginning = nil
        } catch {
            // The brokers may not agree yet that there is a new one.
            self.nextBeginning = now + .seconds(1)
            logger.info("the start of the new topic is not to be had yet; trying on", [.error: "\(error)"])
        }
    }

    /// Commits the start of the new topic: whoever reads the partitions next would go on from the old place.
    func commitStart(of partitions: [TopicPartition], within: Duration) throws(KafkaError) {
        guard !partitions.isEmpty else { return }
        let start = partitions.map { ($0, Int64(0)) }
        try consumer.storeOffsets(start)
        try consumer.commit(start, within: within)
    }
}
