package import Kafka
package import Logging
import Platform
import Synchronization

/// The clients of one gateway, all served by one thread that sleeps on one wakeup.
package struct KafkaClients: Sendable {
    package let wakeup: Wakeup
    /// Sends what somebody waits for: at once, and acknowledged by one broker, since the reply is the proof.
    package let interactive: Producer
    /// Sends to the bulk lane: nothing lost and nothing twice.
    package let bulk: Producer
    package let interruption: Interruption
    /// Knows whether the leader of the reply partition answers.
    package let brokers: BrokerWatch

    /// Knows how far the workers are behind.
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
        // A producer that has nothing to send may lose its connections and say that no broker is left. The reader of
        // replies always asks for more, so it is the one to believe; a producer's own end matters all the same.
        let log = KafkaLog(logger: logger, onError: { if $0.isFatal { interruption.note($0) } })
        // It asks every second and says what it finds; what its connections meet is no news beside it.
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

    /// The topic of the interactive lane. Workers ask for its partitions every 5 s and share them anew in some seconds more; what is
    /// sent to one that they have not noticed yet comes too late for its caller.
    func interactiveTopic(_ name: String) throws(KafkaError) -> ProducerTopic {
        try interactive.topic(name, spreadingOver: SettledPartitions(after: .seconds(30)))
    }

    /// The reader of the reply partition, for the thread that calls.
    func makeReplyConsumer() throws(KafkaError) -> Consumer {
        // Tansu lets an idle fetch sleep for half of its wait, and with much less a reader falls behind for good when that
        // broker is busy. Other brokers answer when there is something, whatever it is.
        try Consumer(
            properties: Self.common.merging([
                "fetch.wait.max.ms": "20", "fetch.error.backoff.ms": "50", "queued.max.messages.kbytes": "16384",
            ]).merging(properties),
            wakeup: wakeup, log: KafkaLog(logger: logger, onError: { [interruption] in interruption.note($0) }))
    }

    /// How many partitions each of these topics has. Blocks for at most `within`.
    func partitions(of topics: [String], within: Duration) throws(KafkaError) -> [String: Int] {
        try admin.partitions(of: topics, within: within)
    }

    /// A broker that is back is to be found within half a second.
    private static let common: KafkaProperties = [
        "socket.nagle.disable": "true", "reconnect.backoff.ms": "50", "reconnect.backoff.max.ms": "500",
        "allow.auto.create.topics": "false", "client.id": "triage-gateway",
    ]
}

/// News from librdkafka's threads that the brokers or topics are gone.
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

    /// Notes an error when it means that nothing can be sent or received any more.
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

    /// What the news is, if there has been any since the last time.
    ///
    /// - Throws: the error that ended a client for good: only another process can go on.
    package func take() throws(KafkaError) -> String? {
        let (isNew, reason, fatal) = state.withLock { state in
            defer { state.isNew = false }
            return (state.isNew, state.reason, state.fatal)
        }
        if let fatal { throw fatal }
        return isNew ? reason : nil
    }
}
