import Gateway
import Hummingbird
import HummingbirdCore
import HummingbirdTesting
import Logging
import NIOPosix
import Telemetry

/// A gateway whose workers are in memory.
struct TestGateway {
    let workers: InMemoryWorkers
    let exchange: Exchange
    let core: GatewayCore

    init(
        workers: InMemoryWorkers = InMemoryWorkers(), keys: APIKeyVerifier? = nil,
        _ configure: (inout GatewayConfiguration) -> Void = { _ in }
    ) {
        var configuration = GatewayConfiguration()
        configure(&configuration)
        let registry = PrometheusRegistry()
        let metrics = GatewayMetrics(registry: registry)
        self.workers = workers
        exchange = Exchange(
            transport: workers, admission: configuration.admission, cache: configuration.cache, metrics: metrics)
        workers.serve(exchange)
        exchange.availability = .available
        core = GatewayCore(
            configuration: configuration, exchange: exchange, bulk: workers, metrics: metrics, keys: keys,
            assets: DocumentationAssets(folder: configuration.documentationAssets), registry: registry)
    }

    /// The same application that serves, with its real connections when the test asks for a live one.
    var application: some ApplicationProtocol {
        let group = MultiThreadedEventLoopGroup.singleton
        let executors = EventLoopExecutors(group)
        let fastPath = FastPath(core: core, date: DateField())
        let connections = OpenConnections()
        return Application(
            responder: GatewayRouter.responder(for: core),
            server: HTTPServerBuilder { responder in
                GatewayChannel(fastPath: fastPath, executors: executors, connections: connections, responder: responder)
            },
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            eventLoopGroupProvider: .shared(group), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }
}
