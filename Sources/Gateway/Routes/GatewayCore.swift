package import Telemetry

/// What the routes share.
package struct GatewayCore: Sendable {
    package let configuration: GatewayConfiguration
    package let exchange: Exchange
    package let bulk: any BulkTransport
    package let metrics: GatewayMetrics
    package let keys: APIKeyVerifier?
    package let assets: DocumentationAssets
    /// What the infer routes have done.
    package let inferences = InferenceStatistics()
    /// Every metric of the process.
    package let registry: PrometheusRegistry

    package init(
        configuration: GatewayConfiguration, exchange: Exchange, bulk: any BulkTransport, metrics: GatewayMetrics,
        keys: APIKeyVerifier?, assets: DocumentationAssets, registry: PrometheusRegistry
    ) {
        self.configuration = configuration
        self.exchange = exchange
        self.bulk = bulk
        self.metrics = metrics
        self.keys = keys
        self.assets = assets
        self.registry = registry
    }

    /// Every route that there is.
    package var endpoints: [Endpoint] {
        [
            IntentRoute(core: self).endpoints,
            ClassifyRoutes(core: self).endpoints,
            StreamRoute(core: self).endpoints,
            SentencesRoute(core: self).endpoints,
            InferenceRoutes(core: self).endpoints,
            ModelRoutes(core: self).endpoints,
            HealthRoutes(core: self).endpoints,
            PageRoutes(core: self).endpoints,
        ].flatMap(\.self)
    }
}
