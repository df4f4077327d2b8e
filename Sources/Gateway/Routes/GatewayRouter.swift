import HTTPTypes
package import Hummingbird
import Logging
import NIOCore
import Telemetry

/// Builds the responder of connections that have a task: every endpoint in its frame.
package enum GatewayRouter {
    package static func responder(for core: GatewayCore) -> RouterResponder<GatewayContext> {
        let router = Router(context: GatewayContext.self, options: .autoGenerateHeadEndpoints)
        let endpoints = core.endpoints
        for endpoint in endpoints {
            let frame = EndpointFrame(endpoint, core: core)
            let handler = taskHandler(of: endpoint, core)
            let problemType = ContentType.problem(at: endpoint.path)
            router.on(RouterPath(endpoint.path), method: endpoint.method) { request, context in
                var response: Response
                do {
                    try frame.admit(request.head)
                    response = try await handler(request, context)
                } catch {
                    response = answer(to: error, problemType, context)
                }
                frame.finish(response.status, &response.headers, to: request.head, start: context.start)
                return response
            }
        }
        // Added last, a middleware is around nothing but the router's answer to what no endpoint takes.
        let origins = AllowedOrigins(core.configuration.allowedOrigins)
        router.add(middleware: UnmatchedRequests(endpoints: endpoints, origins: origins, metrics: core.metrics))
        return router.buildResponder()
    }

    /// What answers an endpoint's requests on connections that have a task.
    private static func taskHandler(of endpoint: Endpoint, _ core: GatewayCore) -> Endpoint.TaskHandler {
        switch endpoint.handler {
        case .task(let handler):
            return handler
        case .question(let handler):
            let limit = core.configuration.maximumBodyBytes
            return { request, context in
                try handler.check(request.head, maximumBodyBytes: limit)
                let body = handler.contentTypes == nil ? ByteBuffer() : try await request.collectBody(limit: limit)
                let question = try handler.question(
                    WholeRequest(head: request.head, body: body, start: context.start))
                return Response(question.answer(to: try await core.classify(question.sentences, for: request.head)))
            }
        }
    }

    private static func answer(to error: any Error, _ problemType: String, _ context: GatewayContext) -> Response {
        switch error {
        case let error as GatewayError:
            return Response(problem: error, type: problemType)
        case is CancellationError:
            return Response(problem: .cancelled, type: problemType)
        default:
            context.logger.error("a request failed", [.error: "\(error)"])
            let failure = GatewayError(.internalError, "the gateway failed; its log says why")
            return Response(problem: failure, type: problemType)
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
        origins.allow(request.head, &response.headers)
        metrics.record(status: response.status.code, nanoseconds: MonotonicTime.now.since(context.start))
        return response
    }

    private func answer(to request: Request) -> Response {
        let segments = request.uri.path.split(separator: "/")
        let problemType = ContentType.problem(at: request.uri.path)
        let methods = endpoints.filter { $0.matches(segments) }.map(\.method)
        if methods.isEmpty {
            let error = GatewayError(.notFound, "no route has this path; /openapi.json lists all")
            return Response(problem: error, type: problemType)
        }
        var names = methods.map(\.rawValue)
        if methods.contains(.get) { names.append("HEAD") }
        if request.method == .options, let answer = origins.answerPreflight(request.head, methods: names) {
            return answer
        }
        var response = Response(
            problem: GatewayError(.methodNotAllowed, "this path takes \(names.joined(separator: ", "))"),
            type: problemType)
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
