package import Classification
package import Kafka
package import Messages
package import Platform

/// All settings of a worker, with their defaults.
///
/// A plain value: the executable fills it from flags, environment and files. ``WorkerService`` calls ``validate()``
/// once; it checks every rule, including those between settings.
package struct WorkerConfiguration: Sendable {
    /// The delivery guarantee for replies and offsets.
    package enum Delivery: String, Sendable, CaseIterable {
        /// Every request is answered at least once; after a crash some are answered again.
        case atLeastOnce = "at-least-once"
        /// In the bulk lane, replies, dead letters and offsets are committed in one transaction: a `read_committed`
        /// consumer sees each reply once. The interactive lane stays at-least-once. Needs an
        /// ``WorkerConfiguration/instanceID``.
        case exactlyOnce = "exactly-once"
    }

    /// Lanes that a worker can serve.
    package enum Lanes: String, Sendable, CaseIterable {
        /// Both, each with its own thread and clients.
        case both
        /// Bulk requests only.
        case bulk
        /// Only requests with a waiting caller.
        case interactive
    }

    /// The lanes that this worker serves. For any other lane it reads no topic, joins no group and has no metrics.
    package var lanes = Lanes.both

    /// Who assigns the partitions within a group.
    package enum GroupProtocol: String, Sendable, CaseIterable {
        /// A member does, and all members wait for each other. Every broker supports it.
        case classic
        /// The brokers do (KIP-848; Apache Kafka 4.0 or newer): members whose assignment does not change keep working
        /// during a rebalance. The brokers also set the session timeout.
        case consumer
    }

    /// The group protocol of both lanes. Kafka does not mix the two in one group: stop all its workers before you
    /// switch.
    package var groupProtocol = GroupProtocol.classic

    /// The topic names.
    package var topics = TopicNames()

    /// The consumer group of the bulk lane. The interactive lane's is this name plus `-interactive`: separate groups,
    /// so that a rebalance of one lane never pauses the other.
    package var group = ConsumerGroups().bulk

    /// The unique name of this worker in its group, stable across restarts, without blanks. If set, it is the
    /// `group.instance.id` (static membership: a worker back within ``sessionTimeout`` gets its partitions again
    /// without a rebalance) and part of the `transactional.id`. Two workers must never share one.
    package var instanceID: String?

    /// The guarantee of the bulk lane.
    package var delivery = Delivery.atLeastOnce

    /// The topics that a request may name in `kafka_replyTopic`. Empty (the default) means the two reply topics.
    package var allowedReplyTopics: [String] = []

    /// Where in a JSON value the sentence is: JSON Pointers, such as `/payload/text`. Several are joined by a space.
    package var textFields = ["/text"]

    /// Where in a JSON value the id is: a JSON Pointer.
    package var idField = "/id"

    /// What a record without `content-type` is.
    package var defaultContentType = ContentType.json

    /// The values of ``defaultContentType``.
    package enum ContentType: String, Sendable, CaseIterable {
        case json = "application/json"
        case plainText = "text/plain"
        case event = "application/cloudevents+json"
    }

    /// The schema registry of values in its framing, and of replies in Avro; nil if none is asked.
    package var registry: SchemaRegistrySettings?

    /// What replies hold, what they decide, and where they go.
    package var replies = ReplySettings()

    /// Headers of the request that are copied to the reply.
    package var copiedHeaders = CopiedHeaders.none

    /// The settings of the model's encoder, if it has one.
    package var encoder = EncoderOptions()

    /// The maximum text length in UTF-8 bytes. Longer ones are answered with `text_too_long`.
    package var maximumTextBytes = 8_192

    /// librdkafka properties for every client of this worker: `bootstrap.servers`, security, tuning. They override the
    /// lane defaults (``LaneProperties``), but not those that the guarantees depend on, such as `enable.idempotence`.
    package var kafka: KafkaProperties = ["bootstrap.servers": "127.0.0.1:9092"]

    /// The lane for throughput.
    package var bulk = LaneSettings.bulk

    /// The lane for latency.
    package var interactive = LaneSettings.interactive

    /// The bounds of a transaction, with ``Delivery/exactlyOnce``.
    package var transactions = TransactionSettings()

    /// The session timeout: how long a member may be silent before its partitions are reassigned. The broker's limits
    /// apply (Apache Kafka: at least 6 s). Short, so that a killed worker's requests do not wait long; Tansu takes half
    /// of it for every join. Unused with ``GroupProtocol/consumer``, where the brokers set it.
    package var sessionTimeout: Duration = .seconds(10)

    /// The longest time between answering a request and committing its offset.
    package var commitInterval: Duration = .milliseconds(200)

    /// The time limit for draining and committing a revoked partition; after it, the partition is released as it is.
    package var rebalanceDrainTimeout: Duration = .seconds(5)

    /// The longest time from the stop request until the worker has left the group. Requests still unanswered then are
    /// answered by another worker.
    package var shutdownTimeout: Duration = .seconds(8)

    /// How long startup waits for a broker to answer and for the topics to exist.
    package var startTimeout: Duration = .seconds(30)

    /// How often the model file is checked for changes. Zero: only SIGHUP reloads it.
    package var modelCheckInterval: Duration = .seconds(2)

    /// The address of the admin endpoint.
    package var adminHost = "127.0.0.1"

    /// The port of the admin endpoint; 0 picks a free one; `nil` (the default) disables the endpoint.
    package var adminPort: Int?

    /// The defaults, for a broker at 127.0.0.1:9092.
    package init() {}

    /// The bounds of one transaction of the exactly-once bulk lane.
    package struct TransactionSettings: Sendable, Hashable {
        /// A transaction ends once it holds this many requests.
        package var maximumRecords = 10_000
        /// A transaction ends at this age. Until then, `read_committed` readers see nothing of it.
        package var maximumAge: Duration = .milliseconds(200)
        /// `transaction.timeout.ms`: how soon the broker aborts the transaction of a dead worker. Until then, every
        /// `read_committed` reader of its partitions is blocked.
        package var timeout: Duration = .seconds(10)

        /// The defaults.
        package init() {}
    }

    /// The topics that replies may be sent to, the default first.
    var replyTopics: [String] {
        let named = allowedReplyTopics.isEmpty ? [topics.replies, topics.gatewayReplies] : allowedReplyTopics
        return [topics.replies] + named.filter { $0 != topics.replies }
    }
}

/// The bounds of one lane. Each lane has its own thread, consumer, producer and classifier session.
package struct LaneSettings: Sendable {
    /// The most requests in one batch.
    package var maximumBatchRecords: Int
    /// How long a batch may take from receive to send. Slower batches shrink the next ones, so that deadlines,
    /// rebalances and a stop request never wait long, however slow the classifier is.
    package var maximumBatchDuration: Duration
    /// The same for a model with an encoder, which is fast only with tens of sentences at once.
    package var maximumEncoderDuration: Duration
    /// The most requests in the first batch for a model with an encoder, when it is not known how long one takes.
    package var firstEncoderRecords: Int
    /// The most batches with unacknowledged replies. At this limit nothing more is received.
    package var maximumInFlightBatches: Int
    /// After this long without receiving because too much is in flight, the partitions are paused. The consumer can
    /// then be polled, and so stays in its group, without receiving more.
    package var pauseAfter: Duration = .seconds(1)
    /// The priority of the lane's thread and its librdkafka threads.
    package var priority = ThreadPriority.normal
    /// librdkafka properties of this lane only; they override ``WorkerConfiguration/kafka``.
    package var kafka: KafkaProperties = [:]

    /// For throughput: large batches, a few in flight.
    package static let bulk = LaneSettings(
        maximumBatchRecords: 1_000, maximumBatchDuration: .milliseconds(20),
        maximumEncoderDuration: .milliseconds(400), firstEncoderRecords: 32, maximumInFlightBatches: 16)

    /// For latency: records are processed at once, so batches are small and many. The producer queue bounds them.
    package static let interactive = LaneSettings(
        maximumBatchRecords: 128, maximumBatchDuration: .milliseconds(5),
        maximumEncoderDuration: .milliseconds(20), firstEncoderRecords: 8, maximumInFlightBatches: 4_096)
}
