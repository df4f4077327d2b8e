import Gateway
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

    /// The server that serves the gateway's routes.
    var application: TestApplication { TestApplication(core: core) }
}
