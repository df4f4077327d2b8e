package import Kafka
package import Messages
package import Platform

/// Everything that a worker can be told, with the defaults that it runs with otherwise.
///
/// A plain value: reading flags, environment and files into it is the executable's business. ``validate()`` checks
/// every rule, those between settings too, and is called once by ``WorkerService``.
package struct WorkerConfiguration: Sendable {
    /// What happens to replies and offsets when something breaks.
    package enum Delivery: String, Sendable, CaseIterable {
        /// Every request is answered at least once; after a crash some are answered again.
        case atLeastOnce = "at-least-once"
        /// In the bulk lane replies, dead letters and offsets go in one transaction: a `read_committed` consumer sees
        /// each reply once. The interactive lane stays at least once. Needs an ``WorkerConfiguration/instanceID``.
        case exactlyOnce = "exactly-once"
    }

    /// Lanes that a worker can serve.
    package enum Lanes: String, Sendable, CaseIterable {
        /// Both, each with a thread and clients of its own.
        case both
        /// Bulk requests only.
        case bulk
        /// Only requests that somebody waits for.
        case interactive
    }

    /// The lanes that this worker serves. Of another it reads no topic, joins no group and has no metrics.
    package var lanes = Lanes.both

    /// Who shares a group's partitions out among its members.
    package enum GroupProtocol: String, Sendable, CaseIterable {
        /// A member does, and all members wait for each other. Every broker knows it.
        case classic
        /// The brokers do (KIP-848; Apache Kafka 4.0 or newer): who neither gives nor takes a partition goes on
        /// meanwhile. How long a member may be silent is the brokers' to say too.
        case consumer
    }

    /// The protocol of both lanes' groups. Kafka does not mix the two in one group: all its workers are stopped in between.
    package var groupProtocol = GroupProtocol.classic

    /// The topics' names.
    package var topics = TopicNames()

    /// The consumer group of the bulk lane. The interactive lane's is this name followed by `-interactive`: two
    /// groups, so that a rebalance of one lane never pauses the other.
    package var group = ConsumerGroups().bulk

    /// This worker's own name among the members of its group, stable over restarts, without blanks. Set, it is the
    /// `group.instance.id` (static membership: a worker that comes back within ``sessionTimeout`` takes its
    /// partitions again without a rebalance) and a part of the `transactional.id`. Two workers never share one.
    package var instanceID: String?

    /// The guarantee of the bulk lane.
    package var delivery = Delivery.atLeastOnce

    /// The topics that a request may name in `kafka_replyTopic`. Empty (the default) means the two reply topics.
    package var allowedReplyTopics: [String] = []

    /// A longer text, in UTF-8 bytes, is answered with `text_too_long`.
    package var maximumTextBytes = 8_192

    /// librdkafka properties for every client of this worker: `bootstrap.servers`, security, tuning. They win over the
    /// lanes' defaults (``LaneProperties``), but not over what the promises rest on, such as `enable.idempotence`.
    package var kafka: KafkaProperties = ["bootstrap.servers": "127.0.0.1:9092"]

    /// The lane for throughput.
    package var bulk = LaneSettings.bulk

    /// The lane for latency.
    package var interactive = LaneSettings.interactive

    /// The bounds of a transaction, with ``Delivery/exactlyOnce``.
    package var transactions = TransactionSettings()

    /// How long a member may be silent before its partitions go to others. The broker's limits apply (Apache Kafka: 6 s
    /// or more). Short, so that a killed worker's requests do not wait long; Tansu takes half of it for every join.
    /// With ``GroupProtocol/consumer`` it is the brokers' to say, and this is not used.
    package var sessionTimeout: Duration = .seconds(10)

    /// At most this long between an answered request and the commit of its offset.
    package var commitInterval: Duration = .milliseconds(200)

    /// A partition being taken away is drained and committed within this time, then let go as it is.
    package var rebalanceDrainTimeout: Duration = .seconds(5)

    /// From the order to stop until the worker has left the group, at most; what is unanswered then is answered by
    /// another worker.
    package var shutdownTimeout: Duration = .seconds(8)

    /// How long the start waits for a broker that answers and for the topics to exist.
    package var startTimeout: Duration = .seconds(30)

    /// How often the model's file is looked at for a change. Zero: only SIGHUP reloads it.
    package var modelCheckInterval: Duration = .seconds(2)

    /// The address of the admin endpoint.
    package var adminHost = "127.0.0.1"

    /// The port of the admin endpoint; 0 takes a free one; `nil` (the default) means no endpoint.
    package var adminPort: Int?

    /// A worker for the broker at 127.0.0.1:9092.
    package init() {}

    /// The bounds of one transaction of the exactly-once bulk lane.
    package struct TransactionSettings: Sendable, Hashable {
        /// A transaction ends once it holds this many requests.
        package var maximumRecords = 10_000
        /// A transaction ends at this age. Readers see nothing of it before.
        package var maximumAge: Duration = .milliseconds(200)
        /// `transaction.timeout.ms`: the broker aborts a transaction of a worker that died after this long. Until then
        /// every `read_committed` reader of its partitions waits.
        package var timeout: Duration = .seconds(10)

        /// The defaults.
        package init() {}
    }

    /// The topics that replies may go to, the default one first.
    var replyTopics: [String] {
        let named = allowedReplyTopics.isEmpty ? [topics.replies, topics.gatewayReplies] : allowedReplyTopics
        return [topics.replies] + named.filter { $0 != topics.replies }
    }
}

/// The bounds of one lane. Each lane has its own thread, consumer, producer and classifier session.
package struct LaneSettings: Sendable {
    /// The most requests in one batch.
    package var maximumBatchRecords: Int
    /// How long a batch may take from receiving to sending. Batches that take longer make the next ones smaller, so
    /// that deadlines, rebalances and the order to stop never wait long, however slow the classifier is.
    package var maximumBatchDuration: Duration
    /// The most batches whose replies the broker has not acknowledged yet. Beyond it nothing more is received.
    package var maximumInFlightBatches: Int
    /// When nothing could be received for this long, because too much is in flight, the partitions are paused, so that
    /// the consumer can be polled, and so stays a member of its group, without receiving more.
    package var pauseAfter: Duration = .seconds(1)
    /// Of the lane's thread, and of librdkafka's for this lane.
    package var priority = ThreadPriority.normal
    /// librdkafka properties of this lane alone; they win over ``WorkerConfiguration/kafka``.
    package var kafka: KafkaProperties = [:]

    /// For throughput: large batches, a few in flight.
    package static let bulk = LaneSettings(
        maximumBatchRecords: 1_000, maximumBatchDuration: .milliseconds(20), maximumInFlightBatches: 16)

    /// For latency: whatever is there goes at once, so batches are small and many. The producer's queue bounds them.
    package static let interactive = LaneSettings(
        maximumBatchRecords: 128, maximumBatchDuration: .milliseconds(5), maximumInFlightBatches: 4_096)
}
