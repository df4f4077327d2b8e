import Classification
import Kafka
package import Logging
import Messages
import Platform
import ServiceLifecycle
import Synchronization
package import Telemetry

/// The worker: answers the requests of its lanes until it is told to stop.
///
/// ```swift
/// let worker = try WorkerService(
///     configuration: configuration, model: .file("intents.model"), registry: registry, logger: logger)
/// try await ServiceGroup(
///     configuration: .init(services: [worker], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
/// ).run()
/// ```
///
/// On the group's graceful shutdown it stops fetching, finishes the batches in flight, commits, leaves its groups and
/// returns, within ``WorkerConfiguration/shutdownTimeout``. SIGHUP reloads the model. It throws ``WorkerError`` when it
/// cannot continue; restarting it is then safe.
package struct WorkerService: Service {
    private let configuration: WorkerConfiguration
    private let model: CurrentModel
    private let source: ModelSource
    /// What was at the model's path before it was loaded.
    private let loaded: FileStamp?
    private let registry: PrometheusRegistry
    private let logger: Logger

    /// Checks the configuration and loads the model; does not connect yet.
    ///
    /// - Parameters:
    ///   - configuration: the settings.
    ///   - model: the source of the model, now and at every reload.
    ///   - registry: holds the metrics that the admin endpoint serves.
    ///   - logger: receives the log lines; a healthy worker writes one at start, one when ready, one at the end.
    /// - Throws: ``WorkerConfigurationError``, what ``ModelSource/load`` throws, or `ClassifierError` if the model is
    ///   invalid.
    package init(
        configuration: WorkerConfiguration, model source: ModelSource, registry: PrometheusRegistry, logger: Logger
    ) throws {
        try configuration.validate()
        self.configuration = configuration
        var source = source
        source.check = { [replies = configuration.replies] in try replies.check($0) }
        self.source = source
        self.registry = registry
        self.logger = logger
        loaded = source.path.flatMap { FileStamp(path: $0) }
        model = CurrentModel(try source.loadTried(sessions: configuration.servedLanes.count))
    }

    /// The same with a model file and its own registry, which includes the process metrics.
    package init(configuration: WorkerConfiguration, modelFile: String, logger: Logger) throws {
        let registry = PrometheusRegistry()
        ProcessMetrics.register(in: registry)
        try self.init(
            configuration: configuration, model: .file(modelFile, encoder: configuration.encoder),
            registry: registry, logger: logger)
    }

    /// Runs until the graceful shutdown or an unrecoverable error.
    package func run() async throws {
        let configuration = configuration
        let logger = logger
        for finding in configuration.replies.findings(on: model.take().model) { logger.warning("\(finding)") }
        logger.notice(
            "the worker starts",
            [
                .model: "\(model.take().model.identifier)", .group: "\(configuration.group)",
                .lanes: "\(configuration.lanes.rawValue)",
                .delivery: "\(configuration.delivery.rawValue)", .version: "\(ProgramVersion.text)",
                .library: "librdkafka \(KafkaLibrary.version)",
            ])
        let lanes = try configuration.servedLanes.map { try LaneControl($0) }
        let isStopping: @Sendable () -> Bool = { lanes.contains { $0.isStopRequested } }
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await DedicatedThread.run(name: "preflight") {
                try Preflight(configuration: configuration, logger: logger).check(isStopping: isStopping)
            }
        } onCancelOrGracefulShutdown: {
            for lane in lanes { lane.stop() }
        }
        if isStopping() { return logger.notice("the worker has stopped before it was ready") }
        guard let settings = configuration.registry else { return try await serve(lanes, schemaRegistry: nil) }
        try await SchemaRegistry.with(settings, logger: logger) { schemaRegistry in
            try await serve(lanes, schemaRegistry: schemaRegistry)
        }
    }

    /// Runs the lanes and all beside them.
    private func serve(_ lanes: [LaneControl], schemaRegistry: SchemaRegistry?) async throws {
        let configuration = configuration
        let logger = logger
        let topics = ReplyTopics(configuration.replyTopics, settings: configuration.replies)
        let replySchemas = try await register(topics, in: schemaRegistry, lanes)
        if lanes.contains(where: \.isStopRequested) {
            return logger.notice("the worker has stopped before it was ready")
        }
        let brokers = try configuration.adminPort.map { _ in try watchBrokers() }
        let health = WorkerHealth(lanes: lanes, brokers: brokers, registry: schemaRegistry)
        let readiness = Readiness(count: lanes.count, logger: logger)
        let modelMetrics = ModelMetrics(model.take().model, registry: registry)
        registry.addCollector { readings in
            readings.gauge(
                "triage_worker_schema_registry_up", help: "0 while records wait for a schema registry that gives none.",
                labels: [], schemaRegistry?.problem == nil ? 1 : 0)
        }
        let stop: @Sendable () -> Void = {
            health.stop()
            for lane in lanes { lane.stop() }
        }
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Part.self) { group in
                for lane in lanes {
                    let metrics = LaneMetrics(lane.name, registry: registry)
                    group.addTask {
                        try await run(
                            lane, topics: topics, schemaRegistry: schemaRegistry, replySchemas: replySchemas,
                            metrics: metrics,
                            readiness: readiness)
                        return .lane
                    }
                }
                group.addTask {
                    await ModelReloader(
                        source: source, loaded: loaded, lanes: lanes.count, current: model,
                        findings: configuration.replies.findings,
                        checkInterval: configuration.modelCheckInterval,
                        metrics: modelMetrics, logger: logger
                    ).run()
                    return .other
                }
                if let schemaRegistry {
                    group.addTask {
                        await schemaRegistry.run()
                        return .other
                    }
                }
                if let brokers {
                    group.addTask {
                        try await DedicatedThread.run(name: "brokers") { brokers.run(onChange: tell) }
                        return .other
                    }
                }
                if let port = configuration.adminPort {
                    group.addTask {
                        try await AdminEndpoint(
                            host: configuration.adminHost, port: port, health: health, registry: registry,
                            logger: logger
                        ).run()
                        return .other
                    }
                }
                try await Self.finish(&group, laneCount: lanes.count, stop: stop)
            }
        } onCancelOrGracefulShutdown: {
            stop()
        }
        logger.notice("the worker has stopped")
    }

    /// For the probes: notices brokers that stop responding but keep their connections open.
    private func watchBrokers() throws(KafkaError) -> BrokerWatch {
        // The watch reports its own findings; its connection errors would only repeat them.
        let silent = KafkaLog(logger: Logger(label: logger.label) { _ in SwiftLogNoOpLogHandler() })
        return try BrokerWatch(AdminClient(properties: configuration.kafka, log: silent))
    }

    @Sendable
    private func tell(_ problem: String?) {
        if let problem {
            logger.warning("the worker is not ready", [.reason: "\(problem)"])
        } else {
            logger.notice("Kafka answers again")
        }
    }

    /// Waits for the registry, if there is one, and registers the schema of the replies if they are Avro. Returns its ids by
    /// topic. A stop request ends it.
    private func register(
        _ topics: ReplyTopics, in schemaRegistry: SchemaRegistry?, _ lanes: [LaneControl]
    ) async throws -> [Int: Int32] {
        guard let schemaRegistry else { return [:] }
        let registration = Task {
            try await register(topics, in: schemaRegistry, until: .now + configuration.startTimeout)
        }
        return try await withTaskCancellationOrGracefulShutdownHandler {
            try await registration.value
        } onCancelOrGracefulShutdown: {
            for lane in lanes { lane.stop() }
            registration.cancel()
        }
    }

    private func register(
        _ topics: ReplyTopics, in schemaRegistry: SchemaRegistry, until deadline: ContinuousClock.Instant
    ) async throws -> [Int: Int32] {
        guard configuration.replies.encoding == .avro else {
            try await schemaRegistry.check(until: deadline)
            return [:]
        }
        let text = FlatSchema.text(hasBest: configuration.replies.unsureBelow != nil)
        var ids: [Int: Int32] = [:]
        for (index, name) in topics.classifications {
            ids[index] = try await schemaRegistry.register(text, subject: "\(name)-value", until: deadline)
        }
        return ids
    }

    private enum Part { case lane, other }

    /// Waits for the lanes. If one fails, the others are stopped gracefully; the first failure is thrown.
    private static func finish(
        _ group: inout ThrowingTaskGroup<Part, any Error>, laneCount: Int, stop: () -> Void
    ) async throws {
        var running = laneCount
        var failure: (any Error)?
        while running > 0 {
            do {
                guard let part = try await group.next() else { break }
                if part == .lane { running -= 1 }
            } catch {
                if failure == nil { failure = error }
                if error is LaneFailure { running -= 1 }
                stop()
            }
        }
        group.cancelAll()
        while let result = await group.nextResult() {
            if case .failure(let error) = result, failure == nil, !(error is CancellationError) { failure = error }
        }
        if let failure { throw (failure as? LaneFailure)?.cause ?? failure }
    }

    /// Marks a failure as that of a lane, which has ended, as opposed to another part.
    private struct LaneFailure: Error {
        let cause: any Error
    }

    private func run(
        _ control: LaneControl, topics: ReplyTopics, schemaRegistry: SchemaRegistry?, replySchemas: [Int: Int32],
        metrics: LaneMetrics, readiness: Readiness
    ) async throws {
        let configuration = configuration
        let model = model
        var logger = logger
        logger[.lane] = "\(control.name.rawValue)"
        let laneLogger = logger
        do {
            let priority = configuration.settings(of: control.name).priority
            try await DedicatedThread.run(name: "lane-\(control.name.rawValue)", priority: priority) {
                let lane = try Lane(
                    control, configuration: configuration, topics: topics, model: model,
                    schemaRegistry: schemaRegistry,
                    replySchemas: replySchemas, metrics: metrics, logger: laneLogger)
                lane.onJoined = { readiness.laneIsReady() }
                try lane.run()
            }
        } catch let error as KafkaError {
            throw LaneFailure(cause: WorkerError(error, lane: control.name))
        } catch {
            throw LaneFailure(cause: error)
        }
    }
}

/// Logs once that all lanes are ready.
private final class Readiness: Sendable {
    private let missing: Atomic<Int>
    private let logger: Logger

    init(count: Int, logger: Logger) {
        missing = Atomic(count)
        self.logger = logger
    }

    func laneIsReady() {
        if missing.subtract(1, ordering: .relaxed).newValue == 0 { logger.notice("the worker is ready") }
    }
}
