import HTTPTypes
import Telemetry

/// What every endpoint has around it: keys, the origins of browsers, and metrics. Made once for each endpoint and not
/// looked up for each request.
struct EndpointFrame: Sendable {
    let keys: APIKeyVerifier?
    let origins: AllowedOrigins
    let metrics: RouteMetrics

    init(_ endpoint: Endpoint, core: GatewayCore) {
        keys = endpoint.access == .keyHolders ? core.keys : nil
        origins = AllowedOrigins(core.configuration.allowedOrigins)
        metrics = core.metrics.route(endpoint.path)
    }

    /// Throws unless the caller may use the endpoint.
    func admit(_ request: HTTPRequest) throws(GatewayError) {
        if let keys { try keys.check(request.headerFields[.authorization]) }
    }

    /// Completes the response's header fields and counts it.
    func finish(
        _ status: HTTPResponse.Status, _ headers: inout HTTPFields, to request: HTTPRequest, start: MonotonicTime
    ) {
        origins.allow(request, &headers)
        metrics.record(status: status.code, nanoseconds: MonotonicTime.now.since(start))
    }
}
