package import HTTPServer
import Kafka
package import Logging
import Platform
import ServiceLifecycle
package import Telemetry
import UnixSignals

/// The HTTP gateway: a REST API backed by request and reply over Kafka.
///
/// ```swift
/// let gateway = try GatewayService(configuration: configuration, logger: logger)
/// try await ServiceGroup(services: [gateway], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger).run()
/// ```
///
/// On graceful shutdown it stops accepting connections, finishes the requests in flight, and returns.
package struct GatewayService: Service {
    private let configuration: GatewayConfiguration
    private let registry: PrometheusRegistry
    private let logger: Logger
    private let onRunning: @Sendable (_ port: Int) async -> Void
    private let clients: KafkaClients
    private let keys: APIKeyVerifier?
    private let tls: ReloadableTLS?

    /// Validates the configuration and reads its files. Nothing listens before ``run()``.
    ///
    /// - Parameters:
    ///   - registry: holds the metrics that `/metrics` shows.
    ///   - onRunning: called with the port once the gateway listens.
    /// - Throws: ``GatewayConfigurationError``, `KafkaError` for a property that librdkafka rejects,
    ///   ``APIKeyFile/Failure``, or `HTTPServerError` for an unusable certificate or key.
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
            // The Kafka thread outlives the server, so that requests in flight are still answered.
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
                // The sequence ends only on cancellation, and a task that returns earlier would end the gateway.
                await Self.tick(every: .seconds(3_600)) {}
            }
            group.addTask { try await server.run() }
            // The first task to end stops all others: the server after a graceful shutdown, or any task that fails.
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private static func tick(every interval: Duration, _ body: @Sendable () -> Void) async {
        while (try? await Task.sleep(for: interval)) != nil { body() }
    }

    /// Sends a probe sentence until it is answered, because only answers reveal the model's name, version and classes.
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
        // Done, but a task that returns would end the gateway.
        try? await Task.sleep(for: .seconds(Int64.max / 1_000_000_000))
    }
}

/// The files that are reloaded when they change on disk or on SIGHUP.
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
    /// Refuses new sentences once even the fastest replies take half of the request timeout.
    package var admission: Admission { Admission(limit: maximumWaitingSentences, patience: requestTimeout / 2) }

    /// The HTTP server's part of the configuration.
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
