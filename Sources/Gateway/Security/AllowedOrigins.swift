import HTTPTypes
import Hummingbird

/// Which pages of other origins may call the gateway from a browser. None may unless it is configured.
struct AllowedOrigins: Sendable {
    private let origins: Set<String>
    private let allowsAll: Bool

    init(_ origins: [String]) {
        self.origins = Set(origins)
        self.allowsAll = origins.contains("*")
    }

    /// Tells the browser that the page that asked may read the response.
    func allow(_ request: HTTPRequest, _ headers: inout HTTPFields) {
        guard let origin = allowedOrigin(of: request) else { return }
        headers[.accessControlAllowOrigin] = origin
        headers[.accessControlExposeHeaders] = "X-Cache, Server-Timing, Retry-After"
        headers[.vary] = "Origin"
    }

    /// The answer to a browser that asks before it sends; nil when its page may not.
    func answerPreflight(_ request: HTTPRequest, methods: [String]) -> Response? {
        guard allowedOrigin(of: request) != nil, request.headerFields[.accessControlRequestMethod] != nil else {
            return nil
        }
        return Response(
            status: .noContent,
            headers: [
                .accessControlAllowMethods: methods.joined(separator: ", "),
                .accessControlAllowHeaders: "Authorization, Content-Type, Cache-Control, X-Request-Timeout-Ms",
                .accessControlMaxAge: "600",
            ])
    }

    private func allowedOrigin(of request: HTTPRequest) -> String? {
        if origins.isEmpty { return nil }
        guard let origin = request.headerFields[.origin] else { return nil }
        if allowsAll { return "*" }
        return origins.contains(origin) ? origin : nil
    }
}
