import Foundation
import Kafka
import TestSupport

/// A broker, topics of its own on it, and the `triage` processes around them.
///
/// With a proxy, all clients reach the broker through it, those of the tests too. A running broker
/// (`TRIAGE_TEST_BOOTSTRAP_SERVERS`) is only cut off when `TRIAGE_TEST_PROXY=OURS:ITS` says that its listener on port ITS
/// advertises 127.0.0.1:OURS; then only the workers go through the proxy, and else there is none.
final class Stage: Sendable {
    /// The usual names, with a prefix that nobody else has.
    struct Topics: Sendable {
        let prefix = uniqueName("test")
        var requests: String { prefix + ".sentences" }
        var interactive: String { prefix + ".sentences.interactive" }
        var replies: String { prefix + ".classifications" }
        var gatewayReplies: String { prefix + ".classifications.replies" }
        var deadLetters: String { prefix + ".dead-letters" }
        var all: [String] { [requests, interactive, replies, gatewayReplies, deadLetters] }

        var flags: [String] {
            [
                "--topic-requests", requests, "--topic-interactive", interactive, "--topic-replies", replies,
                "--topic-gateway-replies", gatewayReplies, "--topic-dead-letters", deadLetters,
            ]
        }
    }

    let topics = Topics()
    /// The workers' group.
    let group = uniqueName("group")
    let partitions: Int
    /// What stands between the workers and the broker; nil if nothing does.
    let proxy: TCPProxy?
    /// Where the tests find the broker.
    let bootstrapServers: String
    private let workersBootstrapServers: String
    private let broker: Broker?
    private let mock: MockCluster?

    /// A stage with its topics made.
    ///
    /// - Parameters:
    ///   - partitions: of each topic.
    ///   - isProxied: whether connections can be cut and stalled, if that is possible, see ``connectionsCanBeCut``.
    ///   - kind: the broker to take, where one can be chosen and nothing is proxied.
    init(partitions: Int = 4, isProxied: Bool = false, kind: Broker.Kind? = nil) throws {
        self.partitions = partitions
        mock = nil
        if !isProxied || !Self.connectionsCanBeCut {
            let choice = Broker.Kind.available.first { $0 == kind } ?? Broker.Kind.available[0]
            broker = try Broker.shared(choice)
            proxy = nil
            bootstrapServers = broker?.bootstrapServers ?? ""
            workersBootstrapServers = bootstrapServers
        } else if let ports = Self.proxyPorts {
            broker = try Broker.shared()
            bootstrapServers = broker?.bootstrapServers ?? ""
            let proxy = try TCPProxy(port: ports.ours)
            proxy.forward(to: ports.its)
            self.proxy = proxy
            workersBootstrapServers = "127.0.0.1:\(proxy.port)"
        } else {
            let proxy = try TCPProxy()
            let broker = try Broker.start(.tansu, arguments: ["--advertise", "127.0.0.1:\(proxy.port)"])
            proxy.forward(to: UInt16(broker.port))
            self.broker = broker
            self.proxy = proxy
            bootstrapServers = "127.0.0.1:\(proxy.port)"
            workersBootstrapServers = bootstrapServers
        }
        try createTopics(topics.all)
    }

    /// Whether something can stand between the workers and the broker: always, but before a broker that runs already.
    static var connectionsCanBeCut: Bool { Broker.Kind.available != [.given] || proxyPorts != nil }

    /// Those of `TRIAGE_TEST_PROXY`, which counts for a running broker alone.
    private static var proxyPorts: (ours: UInt16, its: UInt16)? {
        let ports = ProcessInfo.processInfo.environment["TRIAGE_TEST_PROXY"]?.split(separator: ":")
            .compactMap { UInt16($0) }
        guard Broker.Kind.available == [.given], let ports, ports.count == 2 else { return nil }
        return (ports[0], ports[1])
    }

    /// A stage on a broker of its own, which the caller may stop and freeze.
    init(broker: Broker, partitions: Int = 4) throws {
        self.partitions = partitions
        self.broker = broker
        mock = nil
        proxy = nil
        bootstrapServers = broker.bootstrapServers
        workersBootstrapServers = bootstrapServers
        try createTopics(topics.all)
    }

    /// A stage around librdkafka's mock cluster, which gives the errors that a healthy broker never gives.
    init(mock: MockCluster, partitions: Int = 2) throws {
        self.partitions = partitions
        self.mock = mock
        broker = nil
        proxy = nil
        bootstrapServers = mock.bootstrapServers
        workersBootstrapServers = bootstrapServers
        for topic in topics.all { try mock.createTopic(topic, partitions: partitions) }
    }

    deinit { proxy?.close() }

    func createTopics(_ names: [String]) throws {
        let admin = try AdminClient(properties: properties, log: log)
        let wishes = names.map { TopicSpecification(name: $0, partitions: partitions, replicationFactor: 1) }
        for case (_, .failed(let error)) in try admin.createTopics(wishes) { throw error }
    }

    /// For the Kafka clients of the tests.
    var properties: KafkaProperties { ["bootstrap.servers": bootstrapServers] }

    /// The tests see by what arrives how a client fares; nobody reads its log lines.
    var log: KafkaLog { KafkaLog(logger: RecordedLog().logger) }

    /// Properties of a consumer that sees every record of the partitions it assigns itself.
    var readerProperties: KafkaProperties {
        properties.merging(["auto.offset.reset": "earliest", "fetch.wait.max.ms": "20"])
    }

    /// Every partition of a topic, to be read from the beginning.
    func partitions(of topic: String) -> [TopicPartition] {
        (0..<Int32(partitions)).map { TopicPartition(topic: topic, partition: $0) }
    }
}

extension Stage {
    /// Starts a worker of the stage's group. It is killed when the process object goes.
    func startWorker(
        model: String? = nil, group: String? = nil, arguments: [String] = [], environment: [String: String] = [:]
    ) throws -> TriageProcess {
        let model = try model ?? SampleModel.path()
        return try TriageProcess(
            [
                "worker", "--bootstrap-servers", workersBootstrapServers, "--model", model, "--group",
                group ?? self.group,
            ]
                // The shortest that Apache Kafka allows: a killed worker's partitions move on soon. With the other group protocol
                // it is the broker's to say.
                + (arguments.contains("consumer") ? [] : ["--session-timeout", "6s"]) + topics.flags + arguments,
            environment: environment)
    }

    /// Starts a gateway on a free port.
    func startGateway(port: Int, arguments: [String] = []) throws -> TriageProcess {
        try TriageProcess(
            ["gateway", "--bootstrap-servers", bootstrapServers, "--port", "\(port)", "--cache-size", "0"]
                + topics.flags + arguments)
    }

    /// Starts `triage pipe` on the stage's topics; its input is sent later, or comes from a file.
    func startPipe(input: URL? = nil, arguments: [String] = []) throws -> TriageProcess {
        try TriageProcess(["pipe", "--bootstrap-servers", bootstrapServers] + topics.flags + arguments, input: input)
    }
}
