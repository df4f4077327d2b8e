package import Gateway
import Telemetry

/// A gateway whose workers are in memory.
package struct TestGateway {
    package let workers: InMemoryWorkers
    package let exchange: Exchange
    package let core: GatewayCore

    package init(
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
    package var application: TestApplication { TestApplication(core: core) }
}
