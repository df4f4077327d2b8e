import HTTPServer
import NIOHTTP1

/// Which pages of other origins may call the gateway from a browser. None may unless it is configured.
struct AllowedOrigins: Sendable {
    /// The fields of requests that mean something here, and `baggage`, which OpenTelemetry sends beside `traceparent`.
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

    /// Tells the browser that the page that asked may read the response, or, before it sends a request, that it may.
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
