import Kafka
import Logging
import Telemetry

/// The topic of requests was deleted and made again while the lane read it: its positions are places in a topic that
/// is no more.
extension Lane {
    func noteNewTopic() {
        topicIsNew = true
        metrics.topicRecreated()
        logger.warning(
            "the topic was deleted and made again: it is read from its start, what was answered since then once more",
            [.topic: "\(configuration.requestTopic(of: name))"])
    }

    /// Reads what it owns of the topic from the start, once no transaction is open. What is answered of the old topic
    /// moves nothing in the new one.
    func beginAnew() {
        if let transactions, transactions.state != .idle {
            self.transactions?.failed()
            return
        }
        let partitions = consumer.assignment
        for partition in partitions { ledger.assign(partition.partition) }
        plans.removeAll()
        let start = partitions.map { ($0, Int64(0)) }
        do throws(KafkaError) {
            if !start.isEmpty {
                // Else whoever reads the partitions next would go on from the old place.
                try consumer.storeOffsets(start)
                try consumer.commit(start, within: .seconds(2))
                try consumer.seek(to: start)
            }
            topicIsNew = false
        } catch {
            // The brokers may not agree yet that there is a new one.
            logger.info("the start of the new topic is not to be had yet; trying on", [.error: "\(error)"])
        }
    }
}
