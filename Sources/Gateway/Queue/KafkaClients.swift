package import Kafka
package import Logging
import Platform
import Synchronization

/// The Kafka clients of one gateway. One thread serves the producers and the reply consumer, and sleeps on `wakeup`.
package struct KafkaClients: Sendable {
    package let wakeup: Wakeup
    /// Sends interactive requests: with little delay and `acks=1`, because the reply itself is the confirmation.
    package let interactive: Producer
    /// Sends to the bulk lane: idempotent, without loss or duplicates.
    package let bulk: Producer
    package let interruption: Interruption
    /// Watches whether the leader of the reply partition answers.
    package let brokers: BrokerWatch

    /// The lag of the workers.
    package let lag: InteractiveLag

    private let admin: AdminClient
    private let properties: KafkaProperties
    private let logger: Logger

    package init(configuration: GatewayConfiguration, logger: Logger) throws(KafkaError) {
        try KafkaLibrary.requireSupportedVersion()
        let wakeup = try Wakeup()
        let interruption = Interruption(wakeup: wakeup)
        self.wakeup = wakeup
        self.interruption = interruption
        self.properties = configuration.kafka
        self.logger = logger
        // An idle producer may lose its connections and report that all brokers are down. The reply consumer always has
        // a fetch in flight, so only its reports count, along with any client's fatal error.
        let log = KafkaLog(logger: logger, onError: { if $0.isFatal { interruption.note($0) } })
        // Silent, because the broker watch polls through this client every second and reports what it finds.
        let silent = KafkaLog(logger: Logger(label: logger.label) { _ in SwiftLogNoOpLogHandler() })
        self.admin = try AdminClient(properties: Self.common.merging(configuration.kafka), log: silent)
        self.brokers = try BrokerWatch(admin)
        self.lag = InteractiveLag(
            admin, group: configuration.interactiveGroup, topic: configuration.interactiveTopic, logger: logger)
        let timeout = String(max(1, configuration.requestTimeout.milliseconds))
        self.interactive = try Producer(
            properties: Self.common.merging([
                "acks": "1", "linger.ms": "1", "message.timeout.ms": timeout, "retry.backoff.ms": "50",
            ]).merging(configuration.kafka).merging(["sticky.partitioning.linger.ms": "0"]),
            wakeup: wakeup, log: log)
        self.bulk = try Producer(
            properties: Self.common.merging([
                "enable.idempotence": "true", "linger.ms": "5", "message.timeout.ms": timeout,
            ]).merging(configuration.kafka),
            wakeup: wakeup, log: log)
    }

    /// The topic of the interactive lane. Workers poll its metadata every 5 s, and a rebalance takes a few seconds
    /// more. A record sent to a partition that they have not noticed yet would be answered too late.
    func interactiveTopic(_ name: String) throws(KafkaError) -> ProducerTopic {
        try interactive.topic(name, spreadingOver: SettledPartitions(after: .seconds(30)))
    }

    /// Creates the consumer of the reply partition. It belongs to the calling thread.
    func makeReplyConsumer() throws(KafkaError) -> Consumer {
        // Tansu sleeps for half of the maximum wait on an idle fetch. A much lower value makes the consumer fall behind
        // for good when that broker is busy. Other brokers answer as soon as there is data, for any value.
        try Consumer(
            properties: Self.common.merging([
                "fetch.wait.max.ms": "20", "fetch.error.backoff.ms": "50", "queued.max.messages.kbytes": "16384",
            ]).merging(properties),
            wakeup: wakeup, log: KafkaLog(logger: logger, onError: { [interruption] in interruption.note($0) }))
    }

    /// The number of partitions of each topic. Blocks for up to `within`.
    func partitions(of topics: [String], within: Duration) throws(KafkaError) -> [String: Int] {
        try admin.partitions(of: topics, within: within)
    }

    /// The reconnect backoff finds a recovered broker within half a second.
    private static let common: KafkaProperties = [
        "socket.nagle.disable": "true", "reconnect.backoff.ms": "50", "reconnect.backoff.max.ms": "500",
        "allow.auto.create.topics": "false", "client.id": "triage-gateway",
    ]
}

/// Reports from librdkafka's threads that the brokers or topics are gone.
package final class Interruption: Sendable {
    private struct State {
        var isNew = false
        var reason = ""
        var fatal: KafkaError?
    }

    private let state = Mutex(State())
    private let wakeup: Wakeup

    package init(wakeup: Wakeup) {
        self.wakeup = wakeup
    }

    /// Records an error if it means that nothing can be sent or received any more.
    package func note(_ error: KafkaError) {
        let matters: Set<KafkaErrorCode> = [
            .allBrokersDown, .unknownTopic, .unknownTopicOrPartition, .unknownPartition, .authentication,
        ]
        guard error.isFatal || matters.contains(error.code) else { return }
        state.withLock { state in
            state.isNew = true
            state.reason = error.message
            if error.isFatal { state.fatal = error }
        }
        wakeup.signal()
    }

    /// The latest problem, if there has been one since the last call.
    ///
    /// - Throws: the fatal error of a client. Only a new process can recover from it.
    package func take() throws(KafkaError) -> String? {
        let (isNew, reason, fatal) = state.withLock { state in
            defer { state.isNew = false }
            return (state.isNew, state.reason, state.fatal)
        }
        if let fatal { throw fatal }
        return isNew ? reason : nil
    }
}
