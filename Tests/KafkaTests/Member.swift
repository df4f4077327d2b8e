import Kafka

/// Notes what a group gave and took, and commits what is to be committed when partitions go.
final class Member: RebalanceHandler {
    var owned: Set<TopicPartition> = []
    var assignments = 0
    var revoked: [TopicPartition] = []
    var lost: [TopicPartition] = []
    var toCommit: [TopicPartition: Int64] = [:]
    var commitError: KafkaError?

    func partitionsAssigned(_ partitions: [TopicPartition], consumer: Consumer) {
        owned.formUnion(partitions)
        assignments += 1
    }

    func partitionsRevoked(_ partitions: [TopicPartition], consumer: Consumer) {
        owned.subtract(partitions)
        revoked += partitions
        do throws(KafkaError) {
            let offsets = partitions.compactMap { partition in toCommit[partition].map { (partition, $0) } }
            try consumer.storeOffsets(offsets)
            try consumer.commitStored(synchronously: true)
        } catch {
            commitError = error
        }
    }

    func partitionsLost(_ partitions: [TopicPartition], consumer: Consumer) {
        owned.subtract(partitions)
        lost += partitions
    }
}
