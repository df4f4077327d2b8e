import HTTPTypes
import Hummingbird
import Telemetry

/// Probes and metrics. They answer anybody but for `/metrics`, which needs a key when keys are in force.
struct HealthRoutes {
    let core: GatewayCore

    var endpoints: [Endpoint] {
        [
            Endpoint(.get, "/health", for: .everybody, ready),
            Endpoint(.get, "/health/live", for: .everybody, live),
            Endpoint(.get, "/health/ready", for: .everybody, ready),
            Endpoint(.get, "/metrics", metrics),
        ]
    }

    @Sendable
    private func live(_ request: Request, _ context: GatewayContext) async throws -> Response {
        Response(type: ContentType.json, text: #"{"status":"live"}"#)
    }

    @Sendable
    private func ready(_ request: Request, _ context: GatewayContext) async throws -> Response {
        switch core.exchange.availability {
        case .available: return Response(type: ContentType.json, text: #"{"status":"ready"}"#)
        case .unavailable(let reason): throw GatewayError(.unavailable, reason)
        }
    }

    @Sendable
    private func metrics(_ request: Request, _ context: GatewayContext) async throws -> Response {
        Response(type: PrometheusRegistry.contentType, text: core.registry.exposition())
    }
}
