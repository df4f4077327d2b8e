package import Kafka
package import Logging
import Synchronization

/// The clients of one gateway, all served by one thread that sleeps on one wakeup.
package struct KafkaClients: Sendable {
    package let wakeup: Wakeup
    /// Sends what somebody waits for: at once, and acknowledged by one broker, since the reply is the proof.
    package let interactive: Producer
    /// Sends to the bulk lane: nothing lost and nothing twice.
    package let bulk: Producer
    package let interruption: Interruption

    private let properties: KafkaProperties
    private let log: KafkaLog

    package init(configuration: GatewayConfiguration, logger: Logger) throws(KafkaError) {
        try KafkaLibrary.requireSupportedVersion()
        let wakeup = try Wakeup()
        let interruption = Interruption(wakeup: wakeup)
        self.wakeup = wakeup
        self.interruption = interruption
        self.properties = configuration.kafka
        self.log = KafkaLog(logger: logger, onError: { interruption.note($0) })
        let timeout = String(max(1, configuration.requestTimeout.milliseconds))
        self.interactive = try Producer(
            properties: Self.common.merging([
                "acks": "1", "linger.ms": "0", "message.timeout.ms": timeout, "retry.backoff.ms": "50",
            ]).merging(configuration.kafka),
            wakeup: wakeup, log: log)
        self.bulk = try Producer(
            properties: Self.common.merging([
                "enable.idempotence": "true", "linger.ms": "5", "message.timeout.ms": timeout,
            ]).merging(configuration.kafka),
            wakeup: wakeup, log: log)
    }

    /// The reader of the reply partition, for the thread that calls.
    func makeReplyConsumer() throws(KafkaError) -> Consumer {
        try Consumer(
            properties: Self.common.merging([
                "fetch.wait.max.ms": "10", "fetch.error.backoff.ms": "50", "queued.max.messages.kbytes": "16384",
            ]).merging(properties),
            wakeup: wakeup, log: log)
    }

    /// How many partitions each of these topics has. Blocks for at most `within`.
    func partitions(of topics: [String], within: Duration) throws(KafkaError) -> [String: Int] {
        // Only needed while not ready, so it is not kept: a client has threads and connections.
        try AdminClient(properties: Self.common.merging(properties), log: log).partitions(of: topics, within: within)
    }

    /// A broker that is back is to be found within half a second.
    private static let common: KafkaProperties = [
        "socket.nagle.disable": "true", "reconnect.backoff.ms": "50", "reconnect.backoff.max.ms": "500",
        "allow.auto.create.topics": "false", "client.id": "triage-gateway",
    ]
}

/// News from librdkafka's threads that the brokers or topics are gone.
package final class Interruption: Sendable {
    private let state = Mutex<(isNew: Bool, reason: String)>((false, ""))
    private let wakeup: Wakeup

    package init(wakeup: Wakeup) {
        self.wakeup = wakeup
    }

    /// Notes an error when it means that nothing can be sent or received any more.
    package func note(_ error: KafkaError) {
        switch error.code {
        case .allBrokersDown, .unknownTopic, .unknownTopicOrPartition, .unknownPartition, .authentication, .fatal:
            state.withLock { $0 = (true, error.message) }
            wakeup.signal()
        default:
            if error.isFatal {
                state.withLock { $0 = (true, error.message) }
                wakeup.signal()
            }
        }
    }

    /// Whether there was news since the last time.
    package func take() -> Bool {
        state.withLock { state in
            defer { state.isNew = false }
            return state.isNew
        }
    }

    /// What the news was.
    package var reason: String { state.withLock { $0.reason } }
}
