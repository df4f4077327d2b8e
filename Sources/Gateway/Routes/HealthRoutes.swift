import HTTPServer
import NIOHTTP1
import Telemetry

/// Probes and metrics. They need no API key, except `/metrics`.
struct HealthRoutes {
    let core: GatewayCore

    var endpoints: [Endpoint] {
        [
            Endpoint(.GET, "/health", for: .everybody, .immediate(ready)),
            Endpoint(.GET, "/health/live", for: .everybody, .immediate(live)),
            Endpoint(.GET, "/health/ready", for: .everybody, .immediate(ready)),
            Endpoint(.GET, "/metrics", .immediate(metrics)),
        ]
    }

    @Sendable
    private func live(_ request: Request) throws(GatewayError) -> Response {
        Response(type: ContentType.json, text: #"{"status":"live"}"#)
    }

    @Sendable
    private func ready(_ request: Request) throws(GatewayError) -> Response {
        switch core.exchange.availability {
        case .available: return Response(type: ContentType.json, text: #"{"status":"ready"}"#)
        case .unavailable(let reason): throw GatewayError(.unavailable, reason)
        }
    }

    @Sendable
    private func metrics(_ request: Request) throws(GatewayError) -> Response {
        Response(type: PrometheusRegistry.contentType, text: core.registry.exposition())
    }
}
