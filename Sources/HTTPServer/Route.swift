import NIOCore
package import NIOHTTP1

/// A method and a path, and what answers.
package struct Route: Sendable {
    /// Answers a request that has been read to its end. It is called on the connection's event loop and must not block:
    /// it returns the response, or goes on elsewhere and completes later.
    package typealias Handler = @Sendable (Request, Completion) -> Answer
    /// Answers a request while its body comes, in a task on the connection's event loop. What it throws is answered as a
    /// problem if no response has begun, and ends the connection otherwise.
    package typealias StreamHandler = @Sendable (Request, RequestBody, ResponseWriter) async throws -> Void

    /// What a handler has to say when it returns.
    package enum Answer {
        case response(Response)
        /// The response comes by the completion. `cancel` is called, on the event loop, when nobody waits for it any more.
        case pending(cancel: @Sendable () -> Void)
    }

    package enum Kind: Sendable {
        /// The body does not matter; it is read and thrown away.
        case withoutBody(Handler)
        /// The handler gets the whole body.
        case withBody(Handler)
        case stream(StreamHandler)
    }

    package let method: HTTPMethod
    /// The path as OpenAPI writes it, with `{name}` for a parameter: one whole segment, which is not empty.
    package let path: String
    package let kind: Kind
    /// Refuses by the head alone, before any of the body is read or asked for.
    package let admit: @Sendable (Request) throws(Problem) -> Void
    /// Completes the response's fields and counts it; called once for each response of the route, a refusal too. For a
    /// stream it is called when the response begins.
    package let finish: @Sendable (Request, inout Response) -> Void

    package init(
        _ method: HTTPMethod, _ path: String, _ kind: Kind,
        admit: @escaping @Sendable (Request) throws(Problem) -> Void = { _ throws(Problem) in },
        finish: @escaping @Sendable (Request, inout Response) -> Void = { _, _ in }
    ) {
        self.method = method
        self.path = path
        self.kind = kind
        self.admit = admit
        self.finish = finish
    }
}

/// All routes of a server, and what is done where none fits.
package struct RouteTable: Sendable {
    /// The routes of one path.
    fileprivate struct Path: Sendable {
        /// The segments of the path, a parameter's name among them with its braces.
        let segments: [Substring]
        var routes: [Route]
        /// For `Allow`.
        var methods: String {
            var names = routes.map(\.method.rawValue)
            if names.contains("GET") { names.append("HEAD") }
            return (names + ["OPTIONS"]).joined(separator: ", ")
        }
    }

    enum Match {
        case route(Route, parameters: [(name: String, value: String)])
        /// The path exists; the method does not, or is `OPTIONS`.
        case otherMethod(allowed: String)
        case nothing
    }

    private let exact: [Substring: Path]
    private let patterns: [Path]
    private let allMethods: String
    /// Completes responses that belong to no route.
    let finish: @Sendable (Request, inout Response) -> Void

    package init(
        _ routes: [Route], finishOthers: @escaping @Sendable (Request, inout Response) -> Void = { _, _ in }
    ) {
        var exact: [Substring: Path] = [:]
        var patterns: [Path] = []
        for route in routes {
            let segments = route.path.split(separator: "/", omittingEmptySubsequences: false)
            if !route.path.contains("{") {
                exact[route.path[...], default: Path(segments: segments, routes: [])].routes.append(route)
            } else if let index = patterns.firstIndex(where: { $0.segments == segments }) {
                patterns[index].routes.append(route)
            } else {
                patterns.append(Path(segments: segments, routes: [route]))
            }
        }
        self.exact = exact
        self.patterns = patterns
        self.allMethods = Path(segments: [], routes: routes.uniqueMethods).methods
        self.finish = finishOthers
    }

    /// Finds the route of exactly this path.
    func match(_ method: HTTPMethod, _ path: Substring) -> Match {
        if let found = exact[path] { return match(method, found, parameters: []) }
        if path == "*" { return method == .OPTIONS ? .otherMethod(allowed: allMethods) : .nothing }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        for pattern in patterns {
            if let parameters = pattern.parameters(segments) { return match(method, pattern, parameters: parameters) }
        }
        return .nothing
    }

    /// The answer to `OPTIONS`: the methods of the path.
    func options(_ request: Request) -> Response {
        guard case .otherMethod(let allowed) = match(.OPTIONS, request.path) else { return Response(Problem.notFound) }
        return Response(.noContent, headers: [("Allow", allowed)])
    }

    private func match(_ method: HTTPMethod, _ path: Path, parameters: [(name: String, value: String)]) -> Match {
        if let route = path.routes.first(where: { $0.method == method }) {
            return .route(route, parameters: parameters)
        }
        if method == .HEAD, let route = path.routes.first(where: { $0.method == .GET }) {
            return .route(route, parameters: parameters)
        }
        return .otherMethod(allowed: path.methods)
    }
}

extension RouteTable.Path {
    /// The values of the parameters when the path is one of this pattern.
    fileprivate func parameters(_ path: [Substring]) -> [(name: String, value: String)]? {
        guard path.count == segments.count else { return nil }
        var parameters: [(name: String, value: String)] = []
        for (pattern, segment) in zip(segments, path) {
            guard pattern.first == "{" else {
                if pattern != segment { return nil }
                continue
            }
            guard !segment.isEmpty, let bytes = FormEncoding.decode(segment.utf8, plusIsSpace: false),
                let value = String(validating: bytes, as: UTF8.self)
            else { return nil }
            parameters.append((String(pattern.dropFirst().dropLast()), value))
        }
        return parameters
    }
}

extension [Route] {
    fileprivate var uniqueMethods: [Route] {
        var seen: Set<String> = []
        return filter { seen.insert($0.method.rawValue).inserted }
    }
}

/// The way back to the connection of a request whose answer comes later. To be used once; what comes when nobody waits any
/// more is dropped.
package struct Completion: Sendable {
    private let eventLoop: any EventLoop
    private let handler: NIOLoopBound<ConnectionHandler>
    private let number: UInt64

    init(_ handler: ConnectionHandler, number: UInt64, on eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.handler = NIOLoopBound(handler, eventLoop: eventLoop)
        self.number = number
    }

    /// Answers with what `make` returns, which is called on the connection's event loop. From any thread.
    package func callAsFunction(_ make: @escaping @Sendable () -> Response) {
        let (handler, number) = (handler, number)
        eventLoop.execute { handler.value.complete(number, make) }
    }
}
