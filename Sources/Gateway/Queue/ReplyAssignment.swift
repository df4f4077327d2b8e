import Kafka

/// The reply partition that a gateway holds: chosen once the topic's size is known, read from where it ended before the
/// first request was sent, so that no reply is missed and none from before is read.
struct ReplyAssignment {
    /// How long one question to the brokers may take.
    private static let patience = Duration.seconds(2)

    private let configuration: GatewayConfiguration
    private var partition: TopicPartition?
    private var nextOffset: Int64 = 0

    init(configuration: GatewayConfiguration) {
        self.configuration = configuration
    }

    /// Whether records can come.
    var isHeld: Bool { partition != nil }

    /// Notes that the record at this offset has been read.
    mutating func passed(_ offset: Int64) {
        nextOffset = offset + 1
    }

    /// Makes sure that the topics exist and the partition is held. Blocks for some seconds at most.
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
        // The sender has connections of its own and can be seconds later than the reader to find brokers that are back: the
        // first callers would wait for it, some of them in vain. Of all leaders this is the one that must be there anyway.
        try clients.interactive.awaitLeader(of: wanted, within: Self.patience)
        // An end before our place means that the topic was made anew while the brokers were away.
        if partition != wanted || end < nextOffset {
            try consumer.assign([(wanted, .at(end))])
            partition = wanted
            nextOffset = end
        }
        clients.brokers.watch(wanted)
        return .success(chosen)
    }
}

/// Which partition of the reply topic a gateway reads.
enum ReplyPartition {
    /// The one that was asked for, or one by the hash of the instance's name, so that a gateway that comes back reads
    /// the same one again and gateways of different names spread. Nil when the topic has no such partition.
    static func choose(configured: Int32?, instanceID: String, partitions: Int) -> Int32? {
        if let configured { return Int(configured) < partitions ? configured : nil }
        guard partitions > 0 else { return nil }
        return Int32(hash(instanceID) % UInt64(partitions))
    }

    /// FNV-1a: the same on every machine, which Swift's own hashes are not, and spread by a last mixing.
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
