import Kafka
import Messages
import Platform

/// The librdkafka properties of the two lanes, in one place, each with its reason.
///
/// A property is looked for in this order, the first wins: what the promises rest on (``reserved``), the lane's own
/// settings, the settings for all clients, the defaults below.
enum LaneProperties {
    /// Properties that cannot be set from outside, with the reason.
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

    /// Properties that only ``WorkerConfiguration/GroupProtocol/classic`` has: with the other the brokers decide, and
    /// librdkafka takes none of these.
    static let classicOnly = [
        "session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy", "group.protocol.type",
    ]

    private static func membership(in configuration: WorkerConfiguration) -> KafkaProperties {
        switch configuration.groupProtocol {
        case .classic:
            [
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": milliseconds(configuration.sessionTimeout),
                // A member learns of a rebalance by its next heartbeat.
                "heartbeat.interval.ms": milliseconds(min(configuration.sessionTimeout / 4, .seconds(1))),
            ]
        case .consumer: ["group.protocol": "consumer"]
        }
    }

    static func consumer(of lane: LaneName, in configuration: WorkerConfiguration) -> KafkaProperties {
        var properties: KafkaProperties = [
            "client.id": "triage-worker-\(lane.rawValue)",
            // A new group answers what waits already.
            "auto.offset.reset": "earliest",
            // Also how long a rebalance waits for a member that is stuck. The lane polls every second or so.
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
                    // librdkafka counts payloads, but each waiting message costs it some hundreds of bytes more, so a
                    // backlog of short sentences is bounded by the count: this many a partition, plus one response.
                    "queued.min.messages": "2000",
                    "queued.max.messages.kbytes": "8192",
                    // Small responses, since a broker that gathers a large one keeps others waiting: those who wait
                    // for a reply too.
                    "max.partition.fetch.bytes": "131072",
                    "fetch.max.bytes": "1048576",
                    "fetch.queue.backoff.ms": "10",
                ]
                : [
                    // Tansu lets an idle fetch sleep for half of this, and returns what it has gathered within it: much
                    // less makes a busy broker hand out one request at a time, much more makes every caller wait.
                    // Other brokers answer at once, whatever it is.
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
            // Java's partitioner, so that a key's replies are where any other client would put them.
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
                    // The window of batches bounds what is queued; this only has to be out of its way.
                    "queue.buffering.max.messages": "500000",
                ]
                : [
                    "linger.ms": "0", "batch.size": "65536",
                    // Bounds what is queued, since a batch may be of one record: what callers of a partition without a
                    // leader ask within the next property's time must not fill it.
                    "queue.buffering.max.messages": "16384",
                    // As long as a gateway's callers wait: then it is looked whether anybody still does.
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
            // A broker that is away makes replies wait, never fail: what holds them back is the window of batches.
            properties["message.timeout.ms"] = "0"
        }
        return properties
    }

    /// Not idempotent: there each record that is given up leaves a gap in the numbers of its partition. librdkafka then
    /// goes on under a new epoch, and a broker that does not take one up (Tansu) refuses every record from then on. A
    /// request that was lost on the way is repeated, and with it perhaps a reply, of which a caller takes the first. One
    /// request at a time to each broker keeps the order; brokers serve a connection's requests one after another anyway.
    private static let interactiveDelivery: KafkaProperties = [
        "enable.idempotence": "false", "acks": "all", "max.in.flight.requests.per.connection": "1",
    ]

    /// When it has lost all its connections, librdkafka from 2.11 on forgets the brokers and asks the bootstrap servers anew.
    /// If the group's coordinator is forgotten while offsets are sent to a transaction, that call never returns, whatever its
    /// time limit (librdkafka's issues 5456 and 5511).
    private static let keepsBrokers: KafkaProperties = ["metadata.recovery.strategy": "none"]

    /// Partitions that are added while the worker runs are noticed so soon. Gateways wait for longer before they send to those.
    private static let metadataInterval = "5000"

    private static func milliseconds(_ duration: Duration) -> String { String(duration.milliseconds) }
}

/// The two lanes.
enum LaneName: String, Sendable, CaseIterable {
    case bulk, interactive
}

extension WorkerConfiguration {
    /// The lanes that this worker serves, one by one.
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
        return Set(servedLanes.map { requestTopic(of: $0) } + answers + replyTopics)
    }

    func settings(of lane: LaneName) -> LaneSettings { lane == .bulk ? bulk : interactive }

    func groupName(of lane: LaneName) -> String {
        let names = ConsumerGroups(group)
        return lane == .bulk ? names.bulk : names.interactive
    }

    func requestTopic(of lane: LaneName) -> String { lane == .bulk ? topics.requests : topics.interactive }
}
