import Kafka
public import Logging
import NIOSSL
public import ServiceLifecycle
public import Telemetry

/// The HTTP gateway: REST calls in, request and reply over Kafka behind them.
///
/// ```swift
/// let gateway = try GatewayService(configuration: configuration, logger: logger)
/// try await ServiceGroup(services: [gateway], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger).run()
/// ```
///
/// On graceful shutdown it takes no more connections, answers what it has begun, and returns.
public struct GatewayService: Service {
    private let configuration: GatewayConfiguration
    private let registry: PrometheusRegistry
    private let logger: Logger
    private let onRunning: @Sendable (_ port: Int) async -> Void
    private let clients: KafkaClients
    private let keys: APIKeyVerifier?
    private let tls: TLSConfiguration?

    /// Checks the configuration and reads the files that it names. Nothing is listened on before ``run()``.
    ///
    /// - Parameters:
    ///   - registry: where metrics go, and what `/metrics` shows.
    ///   - onRunning: told the port once the gateway listens on it.
    /// - Throws: ``GatewayConfigurationError``, `KafkaError` for a property that librdkafka does not take,
    ///   ``APIKeyFile/Failure``, or NIOSSL's error for a certificate that cannot be read.
    public init(
        configuration: GatewayConfiguration, registry: PrometheusRegistry = PrometheusRegistry(), logger: Logger,
        onRunning: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
    ) throws {
        try configuration.validate()
        self.configuration = configuration
        self.registry = registry
        self.logger = logger
        self.onRunning = onRunning
        self.clients = try KafkaClients(configuration: configuration, logger: logger)
        self.keys = try configuration.apiKeysFile.map { path in
            try APIKeyVerifier(file: APIKeyFile(path: path), logger: logger)
        }
        self.tls = try configuration.tls.map(Self.makeTLS)
    }

    /// Serves until graceful shutdown or cancellation.
    public func run() async throws {
        let transport = KafkaTransport(
            producer: clients.interactive, topic: try clients.interactiveTopic(configuration.interactiveTopic),
            replyTopic: configuration.replyTopic)
        let bulk = KafkaBulkTransport(producer: clients.bulk, topic: try clients.bulk.topic(configuration.bulkTopic))
        let metrics = GatewayMetrics(registry: registry)
        let exchange = Exchange(
            transport: transport, admission: configuration.admission, cache: configuration.cache,
            metrics: metrics)
        let core = GatewayCore(
            configuration: configuration, exchange: exchange, bulk: bulk, metrics: metrics, keys: keys,
            assets: DocumentationAssets(folder: configuration.documentationAssets), registry: registry)
        let replies = ReplyLoop(
            configuration: configuration, clients: clients, transport: transport, bulk: bulk, exchange: exchange,
            logger: logger)
        FileDescriptorLimit.raise()
        let server = try HTTPServer.make(for: core, tls: tls, logger: logger, onRunning: onRunning)
        try await withThrowingTaskGroup { group in
            // The thread that serves Kafka outlives the server, so that what is begun is answered.
            group.addTask { try await DedicatedThread.run(named: "replies", replies.run, cancel: replies.stop) }
            group.addTask {
                await Self.tick(every: .milliseconds(20)) {
                    exchange.expire(); bulk.expire()
                }
            }
            group.addTask { await Self.learnModel(exchange) }
            if let keys {
                group.addTask { await Self.tick(every: .seconds(1)) { keys.reloadIfChanged() } }
            }
            group.addTask { try await server.run() }
            // Whatever ends first ends all: the server after a graceful shutdown, or anything by an error.
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private static func makeTLS(_ files: GatewayConfiguration.TLS) throws -> TLSConfiguration {
        let chain = try NIOSSLCertificate.fromPEMFile(files.certificateFile).map {
            NIOSSLCertificateSource.certificate($0)
        }
        let key = try NIOSSLPrivateKey(file: files.keyFile, format: .pem)
        var tls = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key))
        tls.minimumTLSVersion = .tlsv12
        tls.applicationProtocols = ["http/1.1"]
        return tls
    }

    private static func tick(every interval: Duration, _ body: @Sendable () -> Void) async {
        while (try? await Task.sleep(for: interval)) != nil { body() }
    }

    /// Asks for a classification until there is an answer, since answers tell the model's name, version and classes.
    private static func learnModel(_ exchange: Exchange) async {
        while exchange.model == nil, !Task.isCancelled {
            if exchange.availability == .available {
                let deadline = Deadline(in: .seconds(2))
                _ = try? await exchange.classify(
                    [Sentence("bonjour")], deadline: deadline, usesCache: false, trace: nil)
            }
            if exchange.model != nil { break }
            try? await Task.sleep(for: .milliseconds(200))
        }
        // Nothing is left to do, but a task that ends would end the gateway.
        try? await Task.sleep(for: .seconds(Int64.max / 1_000_000_000))
    }
}

extension GatewayConfiguration {
    package var admission: Admission {
        Admission(limit: maximumWaitingSentences, patience: congestionThreshold ?? requestTimeout / 2)
    }

    package var cache: ResultCache { ResultCache(capacity: cacheSize, timeToLive: cacheTimeToLive) }
}
