import HTTPTypes
package import Hummingbird
import Logging
import Telemetry

/// Builds the responder: every endpoint with what all of them need around it (keys, errors, metrics, the origins of
/// browsers), made once for each endpoint and not looked up for each request.
package enum GatewayRouter {
    package static func responder(for core: GatewayCore) -> RouterResponder<GatewayContext> {
        let router = Router(context: GatewayContext.self, options: .autoGenerateHeadEndpoints)
        let endpoints = core.endpoints
        let origins = AllowedOrigins(core.configuration.allowedOrigins)
        for endpoint in endpoints {
            let metrics = core.metrics.route(endpoint.path)
            let keys = endpoint.access == .keyHolders ? core.keys : nil
            let handler = endpoint.handler
            router.on(RouterPath(endpoint.path), method: endpoint.method) { request, context in
                var response: Response
                do {
                    if let keys { try keys.check(request.headers[.authorization]) }
                    response = try await handler(request, context)
                } catch {
                    response = answer(to: error, context)
                }
                origins.allow(request, &response)
                metrics.record(status: response.status.code, nanoseconds: MonotonicTime.now.since(context.start))
                return response
            }
        }
        // Added last, a middleware is around nothing but the router's answer to what no endpoint takes.
        router.add(middleware: UnmatchedRequests(endpoints: endpoints, origins: origins, metrics: core.metrics))
        return router.buildResponder()
    }

    private static func answer(to error: any Error, _ context: GatewayContext) -> Response {
        switch error {
        case let error as GatewayError:
            return Response(problem: error)
        case is CancellationError:
            return Response(problem: .cancelled)
        default:
            context.logger.error("a request failed", [.error: "\(error)"])
            return Response(problem: GatewayError(.internalError, "the gateway failed; its log says why"))
        }
    }
}

/// Answers what no endpoint takes: 404, or 405 with the methods that the path has, or a browser's question whether it
/// may send a request from another origin.
struct UnmatchedRequests: RouterMiddleware {
    typealias Context = GatewayContext

    let endpoints: [Endpoint]
    let origins: AllowedOrigins
    let metrics: RouteMetrics

    init(endpoints: [Endpoint], origins: AllowedOrigins, metrics: GatewayMetrics) {
        self.endpoints = endpoints
        self.origins = origins
        self.metrics = metrics.route("other")
    }

    func handle(
        _ request: Request, context: GatewayContext,
        next: (Request, GatewayContext) async throws -> Response
    ) async throws -> Response {
        var response = answer(to: request)
        origins.allow(request, &response)
        metrics.record(status: response.status.code, nanoseconds: MonotonicTime.now.since(context.start))
        return response
    }

    private func answer(to request: Request) -> Response {
        let segments = request.uri.path.split(separator: "/")
        let methods = endpoints.filter { $0.matches(segments) }.map(\.method)
        if methods.isEmpty {
            return Response(problem: GatewayError(.notFound, "no route has this path; /openapi.json lists all"))
        }
        var names = methods.map(\.rawValue)
        if methods.contains(.get) { names.append("HEAD") }
        if request.method == .options, let answer = origins.answerPreflight(request, methods: names) { return answer }
        var response = Response(
            problem: GatewayError(.methodNotAllowed, "this path takes \(names.joined(separator: ", "))"))
        response.headers[.allow] = names.joined(separator: ", ")
        return response
    }
}

extension Endpoint {
    fileprivate func matches(_ segments: [Substring]) -> Bool {
        let pattern = path.split(separator: "/")
        guard pattern.count == segments.count else { return false }
        return zip(pattern, segments).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }
}
