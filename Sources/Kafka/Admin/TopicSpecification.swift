/// A topic to be made.
public struct TopicSpecification: Hashable, Sendable {
    /// Its name.
    public var name: String
    /// How many partitions it gets.
    public var partitions: Int
    /// How many brokers keep each partition; -1 takes the cluster's default.
    public var replicationFactor: Int
    /// The topic's configuration, such as `retention.ms`.
    public var configuration: [String: String]

    /// Specifies a topic.
    public init(name: String, partitions: Int, replicationFactor: Int = -1, configuration: [String: String] = [:]) {
        self.name = name
        self.partitions = partitions
        self.replicationFactor = replicationFactor
        self.configuration = configuration
    }
}

/// What came of the wish to have a topic.
public enum TopicCreation: Hashable, Sendable {
    /// It was made.
    case created
    /// It was there already, and stays as it is.
    case existed
    /// It was refused.
    case failed(KafkaError)
}

/// A cluster as one of its brokers describes it.
public struct ClusterMetadata: Hashable, Sendable {
    /// The brokers' addresses, `HOST:PORT`.
    public let brokers: [String]
    /// The number of partitions of each topic that exists and that this user may see.
    public let topics: [String: Int]
}
