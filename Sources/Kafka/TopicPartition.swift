/// One partition of a topic.
package struct TopicPartition: Hashable, Sendable, CustomStringConvertible {
    /// The topic's name.
    package let topic: String
    /// The partition's number, from 0.
    package let partition: Int32

    /// Identifies a partition.
    package init(topic: String, partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    /// `TOPIC/PARTITION`.
    package var description: String { "\(topic)/\(partition)" }
}

/// Where to start reading a partition.
package enum StartOffset: Hashable, Sendable {
    /// The oldest record the broker still has.
    case beginning
    /// The end offset: the next record to be written.
    case end
    /// The record with this offset, or the next one that exists.
    case at(Int64)
}
