import Kafka
import Logging
import Telemetry

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
        plans.removeAll()
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
