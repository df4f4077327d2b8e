package import HTTPServer
import Kafka
package import Logging
import Platform
import ServiceLifecycle
package import Telemetry
import UnixSignals

/// The HTTP gateway: REST calls in, request and reply over Kafka behind them.
///
/// ```swift
/// let gateway = try GatewayService(configuration: configuration, logger: logger)
/// try await ServiceGroup(services: [gateway], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger).run()
/// ```
///
/// On graceful shutdown it takes no more connections, answers what it has begun, and returns.
package struct GatewayService: Service {
    private let configuration: GatewayConfiguration
    private let registry: PrometheusRegistry
    private let logger: Logger
    private let onRunning: @Sendable (_ port: Int) async -> Void
    private let clients: KafkaClients
    private let keys: APIKeyVerifier?
    private let tls: ReloadableTLS?

    /// Checks the configuration and reads the files that it names. Nothing is listened on before ``run()``.
    ///
    /// - Parameters:
    ///   - registry: where metrics go, and what `/metrics` shows.
    ///   - onRunning: told the port once the gateway listens on it.
    /// - Throws: ``GatewayConfigurationError``, `KafkaError` for a property that librdkafka does not take,
    ///   ``APIKeyFile/Failure``, or `HTTPServerError` for a certificate or key that cannot be used.
    package init(
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
        self.tls = try configuration.tls.map { try ReloadableTLS($0) }
    }

    /// Serves until graceful shutdown or cancellation.
    package func run() async throws {
        let transport = KafkaTransport(
            producer: clients.interactive, topic: try clients.interactiveTopic(configuration.interactiveTopic),
            replyTopic: configuration.replyTopic)
        let bulk = KafkaBulkTransport(producer: clients.bulk, topic: try clients.bulk.topic(configuration.bulkTopic))
        let metrics = GatewayMetrics(registry: registry)
        let exchange = Exchange(
            transport: transport, admission: configuration.admission, cache: configuration.cache,
            metrics: metrics)
        let readiness = Readiness(exchange: exchange, logger: logger)
        let core = GatewayCore(
            configuration: configuration, exchange: exchange, bulk: bulk, metrics: metrics, keys: keys,
            assets: DocumentationAssets(folder: configuration.documentationAssets), registry: registry)
        let replies = ReplyLoop(
            configuration: configuration, clients: clients, transport: transport, bulk: bulk, exchange: exchange,
            readiness: readiness)
        let server = HTTPServer(
            configuration.server, routes: core.routes, tls: tls, logger: logger,
            onRunning: { [configuration, logger, onRunning] port in
                logger.notice(
                    "the gateway listens",
                    [.address: "\(configuration.host)", .port: "\(port)", .version: "\(ProgramVersion.text)"])
                readiness.set(.server, problem: nil)
                await onRunning(port)
            })
        let (brokers, lag) = (clients.brokers, clients.lag)
        metrics.watch(lag)
        try await withThrowingTaskGroup { group in
            // The thread that serves Kafka outlives the server, so that what is begun is answered.
            group.addTask { try await DedicatedThread.run(name: "replies", replies.run, cancel: replies.stop) }
            group.addTask {
                try await DedicatedThread.run(
                    name: "brokers", { brokers.run(whenAnswered: lag.look) }, cancel: brokers.stop)
            }
            group.addTask {
                await Self.tick(every: .milliseconds(20)) {
                    exchange.expire(); bulk.expire()
                }
            }
            group.addTask { await Self.learnModel(exchange) }
            let files = ReloadableFiles(keys: keys, tls: tls, readiness: readiness, logger: logger)
            group.addTask { await Self.tick(every: .seconds(1)) { files.reload(always: false) } }
            group.addTask {
                for await _ in await UnixSignalsSequence(trapping: .sighup) { files.reload(always: true) }
                // The signals end with the task alone, which must not end before the others.
                await Self.tick(every: .seconds(3_600)) {}
            }
            group.addTask { try await server.run() }
            // Whatever ends first ends all: the server after a graceful shutdown, or anything by an error.
            defer { group.cancelAll() }
            try await group.next()
        }
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

/// What the gateway reads again when it changes on disk, or on SIGHUP.
private struct ReloadableFiles: Sendable {
    let keys: APIKeyVerifier?
    let tls: ReloadableTLS?
    let readiness: Readiness
    let logger: Logger

    func reload(always: Bool) {
        if let keys {
            keys.reload()
            readiness.set(.keys, problem: keys.problem)
        }
        guard let tls else { return }
        do throws(HTTPServerError) {
            guard try tls.reload(always: always) else { return }
            logger.notice("read the certificate and its key again; new connections get them")
        } catch {
            logger.error("the certificate and its key stay as they were", [.reason: "\(error)"])
        }
    }
}

extension GatewayConfiguration {
    /// New sentences are turned away when even the quickest replies take half of what a caller waits for.
    package var admission: Admission { Admission(limit: maximumWaitingSentences, patience: requestTimeout / 2) }

    /// The part of it that is the HTTP server's.
    package var server: HTTPServerConfiguration {
        var server = HTTPServerConfiguration(name: "gateway", host: host, port: port)
        server.tls = tls
        server.maximumHeaderBytes = maximumHeaderBytes
        server.maximumBodyBytes = maximumBodyBytes
        server.maximumConnections = maximumConnections
        server.maximumHeldBytes = maximumHeldBytes
        server.idleTimeout = idleTimeout
        server.headTimeout = headTimeout
        server.bodyTimeout = bodyTimeout
        server.writeTimeout = writeTimeout
        server.shutdownTimeout = shutdownTimeout
        return server
    }

    package var cache: ResultCache { ResultCache(capacity: cacheSize, timeToLive: cacheTimeToLive) }
}
