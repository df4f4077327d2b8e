import Kafka

/// The gateway's reply partition. It is chosen once the number of partitions is known and read from the end offset as
/// of before the first request, so that no reply is missed and no older one is read.
struct ReplyAssignment {
    /// The timeout of one broker request.
    private static let patience = Duration.seconds(2)

    private let configuration: GatewayConfiguration
    private var partition: TopicPartition?
    private var nextOffset: Int64 = 0

    init(configuration: GatewayConfiguration) {
        self.configuration = configuration
    }

    /// Whether a partition is assigned.
    var isHeld: Bool { partition != nil }

    /// Records that the record at this offset has been read.
    mutating func passed(_ offset: Int64) {
        nextOffset = offset + 1
    }

    /// Checks that the topics exist and assigns the partition. Blocks for up to a few seconds.
    mutating func establish(_ consumer: Consumer, _ clients: KafkaClients) throws(GatewayError) -> Int32 {
        let established: Result<Int32, GatewayError>
        do throws(KafkaError) {
            established = try establishOrThrow(consumer, clients)
        } catch {
            throw GatewayError(
                .unavailable, "no broker answers: \(error.message)\(error.remedy.map { "; \($0)" } ?? "")")
        }
        return try established.get()
    }

    private mutating func establishOrThrow(
        _ consumer: Consumer, _ clients: KafkaClients
    ) throws(KafkaError) -> Result<Int32, GatewayError> {
        let topics = [configuration.interactiveTopic, configuration.replyTopic, configuration.bulkTopic]
        let partitions = try clients.partitions(of: topics, within: Self.patience)
        if let missing = topics.first(where: { partitions[$0, default: 0] == 0 }) {
            return .failure(GatewayError(.unavailable, "the topic \(missing) does not exist"))
        }
        let count = partitions[configuration.replyTopic, default: 0]
        let chosen = ReplyPartition.choose(
            configured: configuration.replyPartition, instanceID: configuration.instanceID, partitions: count)
        guard let chosen else {
            return .failure(
                GatewayError(
                    .unavailable, "\(configuration.replyTopic) has \(count) partitions, too few for the one set"))
        }
        let wanted = TopicPartition(topic: configuration.replyTopic, partition: chosen)
        let end = try consumer.queryWatermarks(of: wanted, within: Self.patience).high
        // The producer has its own connections and may find recovered brokers seconds after the consumer, too late for
        // the first callers. So wait for one leader, that of the reply partition, which is needed anyway.
        try clients.interactive.awaitLeader(of: wanted, within: Self.patience)
        // An end offset below ours means that the topic was recreated while the brokers were down.
        if partition != wanted || end < nextOffset {
            try consumer.assign([(wanted, .at(end))])
            partition = wanted
            nextOffset = end
        }
        clients.brokers.watch(wanted)
        return .success(chosen)
    }
}

/// Selects the partition of the reply topic that a gateway reads.
enum ReplyPartition {
    /// The configured partition, or one by the hash of the instance id, so that a restarted gateway reads the same
    /// partition and different instances spread. Nil if the topic has no such partition.
    static func choose(configured: Int32?, instanceID: String, partitions: Int) -> Int32? {
        if let configured { return Int(configured) < partitions ? configured : nil }
        guard partitions > 0 else { return nil }
        return Int32(hash(instanceID) % UInt64(partitions))
    }

    /// FNV-1a with a final mix for better spread. Unlike Swift's own hashes, it is the same on every machine.
    static func hash(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
        }
        hash ^= hash >> 33
        hash &*= 0xff51_afd7_ed55_8ccd
        return hash ^ hash >> 33
    }
}
