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
        if flow.isPaused, !partitions.isEmpty { try? consumer.pause(partitions) }
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
        for partition in partitions {
            ledger.release(partition.partition)
        }
    }

    private func drainForRevocation() throws(WorkerError) {
        let deadline = ContinuousClock.now + configuration.rebalanceDrainTimeout
        transactions?.end()
        while ContinuousClock.now < deadline, transactions?.state != .aborting {
            // Within a transaction that is about to end nothing new is begun: what waits is read again.
            guard !window.isEmpty, transactions == nil || window.count > received.count else { break }
            control.turned(at: .now)
            takeReports(waiting: .milliseconds(10))
            try settleUndelivered()
            try sendOn()
            if transactions == nil { try answerReceived(at: .now) }
        }
        if transactions?.state != .ending || window.count > received.count { transactions?.failed() }
        // What that leaves undone ends as it must, whoever owns the partitions then.
        try finishTransaction(until: max(deadline, .now + .seconds(1)))
    }

    private func numbers(_ partitions: [TopicPartition]) -> String {
        partitions.map { String($0.partition) }.joined(separator: ",")
    }
}
