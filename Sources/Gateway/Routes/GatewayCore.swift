package import HTTPServer
import NIOHTTP1
import Platform
package import Telemetry

/// The dependencies that the routes share.
package struct GatewayCore: Sendable {
    package let configuration: GatewayConfiguration
    package let exchange: Exchange
    package let bulk: any BulkTransport
    package let metrics: GatewayMetrics
    package let keys: APIKeyVerifier?
    package let assets: DocumentationAssets
    let origins: AllowedOrigins
    /// Statistics of the infer routes.
    package let inferences = InferenceStatistics()
    /// All metrics of the process.
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
        self.origins = AllowedOrigins(configuration.allowedOrigins)
        self.registry = registry
    }

    /// All routes, for the server.
    package var routes: RouteTable {
        let (origins, metrics) = (origins, metrics.route("other"))
        return RouteTable(endpoints.map { $0.route(in: self) }) { request, response in
            origins.allow(request, &response)
            response.nameProblem(of: request)
            metrics.record(status: Int(response.status.code), nanoseconds: MonotonicTime.now.since(request.start))
        }
    }

    /// A route as the OpenAPI document describes it.
    package struct RouteDescription: Sendable {
        package let method: String
        package let path: String
        /// Whether callers need a key if API keys are configured.
        package let needsKey: Bool
    }

    /// All routes, for tests of the OpenAPI document.
    package var routeDescriptions: [RouteDescription] {
        endpoints.map {
            RouteDescription(method: $0.method.rawValue, path: $0.path, needsKey: $0.access == .keyHolders)
        }
    }

    private var endpoints: [Endpoint] {
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
