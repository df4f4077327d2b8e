import HTTPServer
import NIOHTTP1

/// The CORS policy. Other origins are refused unless configured.
struct AllowedOrigins: Sendable {
    /// The request headers that the gateway reads, and `baggage`, which OpenTelemetry sends with `traceparent`.
    private static let requestFields = [
        "Authorization", "Content-Type", "Content-Encoding", "Cache-Control", "X-Request-Timeout-Ms", "traceparent",
        "tracestate", "baggage", "Inference-Header-Content-Length",
    ].joined(separator: ", ")
    private static let responseFields = [
        "X-Cache", "Server-Timing", "Retry-After", "Inference-Header-Content-Length",
    ].joined(separator: ", ")

    private let origins: Set<String>
    private let allowsAll: Bool

    init(_ origins: [String]) {
        self.origins = Set(origins)
        self.allowsAll = origins.contains("*")
    }

    /// Adds the CORS headers to a response or to the answer to a preflight request.
    func allow(_ request: Request, _ response: inout Response) {
        if origins.isEmpty { return }
        if !allowsAll { response.headers.append(("Vary", "Origin")) }
        guard let origin = allowedOrigin(of: request) else { return }
        response.headers.append(("Access-Control-Allow-Origin", origin))
        guard request.method == .OPTIONS, let methods = response.header("Allow"),
            request["access-control-request-method"] != nil
        else {
            response.headers.append(("Access-Control-Expose-Headers", Self.responseFields))
            return
        }
        response.headers += [
            ("Access-Control-Allow-Methods", methods), ("Access-Control-Allow-Headers", Self.requestFields),
            ("Access-Control-Max-Age", "600"),
        ]
    }

    private func allowedOrigin(of request: Request) -> String? {
        guard let origin = request["origin"] else { return nil }
        if allowsAll { return "*" }
        return origins.contains(origin) ? origin : nil
    }
}
