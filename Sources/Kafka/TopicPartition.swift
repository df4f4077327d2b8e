/// One partition of a topic.
public struct TopicPartition: Hashable, Sendable, CustomStringConvertible {
    /// The topic's name.
    public let topic: String
    /// The partition's number, from 0.
    public let partition: Int32

    /// Names a partition.
    public init(topic: String, partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    /// `TOPIC/PARTITION`.
    public var description: String { "\(topic)/\(partition)" }
}

/// Where to start reading a partition.
public enum StartOffset: Hashable, Sendable {
    /// The oldest record that the broker still holds.
    case beginning
    /// The next record to be written.
    case end
    /// The record with this offset, or the next one that exists.
    case at(Int64)
}
