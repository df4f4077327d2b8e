public import Kafka

/// Everything that a worker can be told, with the defaults that it runs with otherwise.
///
/// A plain value: reading flags, environment and files into it is the executable's business. ``validate()`` checks
/// every rule, those between settings too, and is called once by ``WorkerService``.
public struct WorkerConfiguration: Sendable {
    /// What happens to replies and offsets when something breaks.
    public enum Delivery: String, Sendable, CaseIterable {
        /// Every request is answered at least once; after a crash some are answered again.
        case atLeastOnce = "at-least-once"
        /// In the bulk lane replies, dead letters and offsets go in one transaction: a `read_committed` consumer sees
        /// each reply once. The interactive lane stays at least once. Needs an ``WorkerConfiguration/instanceID``.
        case exactlyOnce = "exactly-once"
    }

    /// Lanes that a worker can serve.
    public enum Lanes: String, Sendable, CaseIterable {
        /// Both, each with a thread and clients of its own.
        case both
        /// Bulk requests only.
        case bulk
        /// Only requests that somebody waits for.
        case interactive
    }

    /// The lanes that this worker serves. Of another it reads no topic, joins no group and has no metrics.
    public var lanes = Lanes.both

    /// Who shares a group's partitions out among its members.
    public enum GroupProtocol: String, Sendable, CaseIterable {
        /// A member does, and all members wait for each other. Every broker knows it.
        case classic
        /// The brokers do (KIP-848; Apache Kafka 4.0 or newer): who neither gives nor takes a partition goes on
        /// meanwhile. How long a member may be silent is the brokers' to say too.
        case consumer
    }

    /// The protocol of both lanes' groups. Kafka does not mix the two in one group: all its workers are stopped in between.
    public var groupProtocol = GroupProtocol.classic

    /// The topics' names.
    public var topics = Topics()

    /// The consumer group of the bulk lane. The interactive lane's is this name followed by `-interactive`: two
    /// groups, so that a rebalance of one lane never pauses the other.
    public var group = "triage"

    /// This worker's own name among the members of its group, stable over restarts, without blanks. Set, it is the
    /// `group.instance.id` (static membership: a worker that comes back within ``sessionTimeout`` takes its
    /// partitions again without a rebalance) and a part of the `transactional.id`. Two workers never share one.
    public var instanceID: String?

    /// The guarantee of the bulk lane.
    public var delivery = Delivery.atLeastOnce

    /// The topics that a request may name in `kafka_replyTopic`. Empty (the default) means the two reply topics.
    public var allowedReplyTopics: [String] = []

    /// A longer text, in UTF-8 bytes, is answered with `text_too_long`.
    public var maximumTextBytes = 8_192

    /// librdkafka properties for every client of this worker: `bootstrap.servers`, security, tuning. They win over the
    /// lanes' defaults (``LaneProperties``), but not over what the promises rest on, such as `enable.idempotence`.
    public var kafka: KafkaProperties = ["bootstrap.servers": "127.0.0.1:9092"]

    /// The lane for throughput.
    public var bulk = LaneSettings.bulk

    /// The lane for latency.
    public var interactive = LaneSettings.interactive

    /// The bounds of a transaction, with ``Delivery/exactlyOnce``.
    public var transactions = TransactionSettings()

    /// How long a member may be silent before its partitions go to others. The broker's limits apply (Apache Kafka: 6 s
    /// or more). Short, so that a killed worker's requests do not wait long; Tansu takes half of it for every join.
    /// With ``GroupProtocol/consumer`` it is the brokers' to say, and this is not used.
    public var sessionTimeout: Duration = .seconds(10)

    /// At most this long between an answered request and the commit of its offset.
    public var commitInterval: Duration = .milliseconds(200)

    /// A partition being taken away is drained and committed within this time, then let go as it is.
    public var rebalanceDrainTimeout: Duration = .seconds(5)

    /// From the order to stop until the worker has left the group, at most; what is unanswered then is answered by
    /// another worker.
    public var shutdownTimeout: Duration = .seconds(8)

    /// How long the start waits for a broker that answers and for the topics to exist.
    public var startTimeout: Duration = .seconds(30)

    /// How often the model's file is looked at for a change. Zero: only SIGHUP reloads it.
    public var modelCheckInterval: Duration = .seconds(2)

    /// The address of the admin endpoint.
    public var adminHost = "127.0.0.1"

    /// The port of the admin endpoint; 0 takes a free one; `nil` (the default) means no endpoint.
    public var adminPort: Int?

    /// A worker for the broker at 127.0.0.1:9092.
    public init() {}

    /// The names of the five topics.
    public struct Topics: Sendable, Hashable {
        /// Bulk requests.
        public var requests = "sentences"
        /// Requests that somebody waits for.
        public var interactive = "sentences.interactive"
        /// Replies to requests that name no reply topic.
        public var replies = "classifications"
        /// Replies to gateways.
        public var gatewayReplies = "classifications.replies"
        /// Requests that could not be classified.
        public var deadLetters = "sentences.dead-letters"

        /// The default names.
        public init() {}

        /// All five, requests first.
        public var all: [String] { [requests, interactive, replies, gatewayReplies, deadLetters] }
    }

    /// The bounds of one transaction of the exactly-once bulk lane.
    public struct TransactionSettings: Sendable, Hashable {
        /// A transaction ends once it holds this many requests.
        public var maximumRecords = 10_000
        /// A transaction ends at this age. Readers see nothing of it before.
        public var maximumAge: Duration = .milliseconds(200)
        /// `transaction.timeout.ms`: the broker aborts a transaction of a worker that died after this long. Until then
        /// every `read_committed` reader of its partitions waits.
        public var timeout: Duration = .seconds(10)

        /// The defaults.
        public init() {}
    }

    /// The topics that replies may go to, the default one first.
    var replyTopics: [String] {
        let named = allowedReplyTopics.isEmpty ? [topics.replies, topics.gatewayReplies] : allowedReplyTopics
        return [topics.replies] + named.filter { $0 != topics.replies }
    }
}
