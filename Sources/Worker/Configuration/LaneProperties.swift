import Kafka
import Messages
import Platform

/// The librdkafka properties of both lanes, each with its reason.
///
/// Precedence, highest first: the properties that the guarantees depend on (``reserved``), the lane's own settings, the
/// settings for all clients, the defaults below.
enum LaneProperties {
    /// Properties that users cannot set, with the reason.
    static let reserved: [(name: String, why: String)] = [
        ("group.id", "use the group setting"),
        ("group.instance.id", "use the instance id setting"),
        ("group.protocol", "use --group-protocol"),
        ("transactional.id", "it is made of the group and the instance id"),
        ("enable.auto.commit", "an offset is committed only after its reply is acknowledged"),
        ("enable.auto.offset.store", "an offset is stored only after its reply is acknowledged"),
        ("enable.idempotence", "without it a retry can reorder or repeat the bulk lane's replies"),
        ("acks", "a reply counts only once all in-sync replicas have it"),
        ("transaction.timeout.ms", "use the transaction timeout setting"),
    ]

    /// Properties for ``WorkerConfiguration/GroupProtocol/classic`` only. With the other protocol the brokers decide,
    /// and librdkafka rejects these.
    static let classicOnly = [
        "session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy", "group.protocol.type",
    ]

    private static func membership(in configuration: WorkerConfiguration) -> KafkaProperties {
        switch configuration.groupProtocol {
        case .classic:
            [
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": milliseconds(configuration.sessionTimeout),
                // A member learns of a rebalance from its next heartbeat.
                "heartbeat.interval.ms": milliseconds(min(configuration.sessionTimeout / 4, .seconds(1))),
            ]
        case .consumer: ["group.protocol": "consumer"]
        }
    }

    static func consumer(of lane: LaneName, in configuration: WorkerConfiguration) -> KafkaProperties {
        var properties: KafkaProperties = [
            "client.id": "triage-worker-\(lane.rawValue)",
            // A new group answers the existing backlog.
            "auto.offset.reset": "earliest",
            // Also how long a rebalance waits for a stuck member. The lane polls about once a second.
            "max.poll.interval.ms": milliseconds(max(configuration.sessionTimeout, .seconds(60))),
            "fetch.min.bytes": "1",
            "reconnect.backoff.ms": "50",
            "reconnect.backoff.max.ms": "1000",
            "topic.metadata.refresh.interval.ms": metadataInterval,
        ]
        properties = properties.merging(membership(in: configuration)).merging(
            lane == .bulk
                ? [
                    "fetch.wait.max.ms": "50",
                    // librdkafka counts payload bytes only, but each queued message costs it some hundreds of bytes
                    // more. So the count bounds a backlog of short sentences: this many per partition, plus one
                    // response.
                    "queued.min.messages": "2000",
                    "queued.max.messages.kbytes": "8192",
                    // Small responses: a broker gathering a large one delays its other clients, the interactive ones
                    // included.
                    "max.partition.fetch.bytes": "131072",
                    "fetch.max.bytes": "1048576",
                    "fetch.queue.backoff.ms": "10",
                ]
                : [
                    // Tansu lets an idle fetch sleep for half of this and returns what arrived meanwhile. Much less
                    // makes a busy broker return one request at a time; much more delays every caller. Other brokers
                    // respond at once with any value.
                    "fetch.wait.max.ms": "10",
                    "queued.min.messages": "1000",
                    "queued.max.messages.kbytes": "4096",
                    "max.partition.fetch.bytes": "131072",
                    "fetch.error.backoff.ms": "50",
                    "fetch.queue.backoff.ms": "5",
                ])
        properties = properties.merging(configuration.kafka)
            .merging(configuration.settings(of: lane).kafka)
            .merging([
                "group.id": configuration.groupName(of: lane),
                "enable.auto.commit": "false",
                "enable.auto.offset.store": "false",
                "enable.partition.eof": "false",
            ])
        if let instanceID = configuration.instanceID { properties["group.instance.id"] = instanceID }
        return properties
    }

    static func producer(of lane: LaneName, in configuration: WorkerConfiguration) -> KafkaProperties {
        var properties: KafkaProperties = [
            "client.id": "triage-worker-\(lane.rawValue)",
            // Java's partitioner, so that keys map to the same partitions as with any other client.
            "partitioner": "murmur2_random",
            "queue.buffering.max.kbytes": "65536",
            "reconnect.backoff.ms": "50",
            "reconnect.backoff.max.ms": "1000",
            "retry.backoff.ms": "50",
            "topic.metadata.refresh.interval.ms": metadataInterval,
        ]
        properties = properties.merging(
            lane == .bulk
                ? [
                    "linger.ms": "5", "batch.size": "262144", "batch.num.messages": "10000",
                    // The batch window bounds the queue; this limit only has to be larger.
                    "queue.buffering.max.messages": "500000",
                ]
                : [
                    "linger.ms": "0", "batch.size": "65536",
                    // Bounds the queue, since a batch may hold a single record. It must not fill with requests to a
                    // leaderless partition within the timeout below.
                    "queue.buffering.max.messages": "16384",
                    // As long as a gateway's callers wait. Then the lane checks whether anybody is still waiting.
                    "message.timeout.ms": "5000",
                ])
        if lane == .bulk, configuration.delivery == .exactlyOnce { properties = properties.merging(keepsBrokers) }
        properties = properties.merging(configuration.kafka)
            .merging(configuration.settings(of: lane).kafka)
            .merging(lane == .bulk ? ["enable.idempotence": "true", "acks": "all"] : interactiveDelivery)
        if lane == .bulk, configuration.delivery == .exactlyOnce, let instanceID = configuration.instanceID {
            properties["transactional.id"] = "\(configuration.group)-\(instanceID)"
            properties["transaction.timeout.ms"] = milliseconds(configuration.transactions.timeout)
        } else if properties["message.timeout.ms"] == nil {
            // While a broker is down, replies wait and do not fail. The batch window provides back-pressure.
            properties["message.timeout.ms"] = "0"
        }
        return properties
    }

    /// Not idempotent. An idempotent producer leaves a sequence gap in the partition for each record given up.
    /// librdkafka then continues with a new epoch, and a broker that does not accept one (Tansu) rejects every later
    /// record. A produce request that was lost is retried, which may duplicate a reply; a caller takes the first. One
    /// request in flight per broker keeps the order; brokers process a connection's requests serially anyway.
    private static let interactiveDelivery: KafkaProperties = [
        "enable.idempotence": "false", "acks": "all", "max.in.flight.requests.per.connection": "1",
    ]

    /// When all connections are lost, librdkafka 2.11 and later discards its brokers and re-bootstraps. If the group
    /// coordinator is discarded while offsets are being sent to a transaction, that call never returns, despite its
    /// timeout (librdkafka issues 5456 and 5511).
    private static let keepsBrokers: KafkaProperties = ["metadata.recovery.strategy": "none"]

    /// How soon partitions added at runtime are noticed. Gateways wait longer than this before they send to them.
    private static let metadataInterval = "5000"

    private static func milliseconds(_ duration: Duration) -> String { String(duration.milliseconds) }
}

/// The two lanes.
enum LaneName: String, Sendable, CaseIterable {
    case bulk, interactive
}

extension WorkerConfiguration {
    /// The lanes that this worker serves.
    var servedLanes: [LaneName] {
        switch lanes {
        case .both: LaneName.allCases
        case .bulk: [.bulk]
        case .interactive: [.interactive]
        }
    }

    /// The topics that this worker reads or may write to.
    var neededTopics: Set<String> {
        let answers = [topics.replies, topics.gatewayReplies, topics.deadLetters]
        return Set(servedLanes.map { requestTopic(of: $0) } + answers + replyTopics + replies.routes.map(\.topic))
    }

    /// How requests are read. The configuration must be valid.
    var requestFormat: RequestFormat {
        let type: MediaType =
            switch defaultContentType {
            case .json: .json
            case .plainText: .plainText
            case .event: .structuredEvent
            }
        return RequestFormat(
            textFields: textFields.compactMap { JSONPointer($0) }, idField: JSONPointer(idField), defaultType: type,
            maximumTextBytes: maximumTextBytes, namesSettings: true,
            addedField: replies.format == .enriched ? replies.enrichField : nil)
    }

    func settings(of lane: LaneName) -> LaneSettings { lane == .bulk ? bulk : interactive }

    func groupName(of lane: LaneName) -> String {
        let names = ConsumerGroups(group)
        return lane == .bulk ? names.bulk : names.interactive
    }

    func requestTopic(of lane: LaneName) -> String { lane == .bulk ? topics.requests : topics.interactive }
}
