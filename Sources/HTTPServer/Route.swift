import NIOCore
package import NIOHTTP1

/// A method, a path and a handler.
package struct Route: Sendable {
    /// Answers a request whose body has been read. It runs on the connection's event loop and must not block: it
    /// returns the response, or completes later from elsewhere.
    package typealias Handler = @Sendable (Request, Completion) -> Answer
    /// Answers a request while its body arrives, in a task on the connection's event loop. A thrown error becomes a
    /// problem response if no response has begun; otherwise it closes the connection.
    package typealias StreamHandler = @Sendable (Request, RequestBody, ResponseWriter) async throws -> Void

    /// The result of a handler.
    package enum Answer {
        case response(Response)
        /// The response follows through the completion. `cancel` is called on the event loop if it is no longer needed.
        case pending(cancel: @Sendable () -> Void)
    }

    package enum Kind: Sendable {
        /// The body is read and discarded.
        case withoutBody(Handler)
        /// The handler receives the complete body.
        case withBody(Handler)
        case stream(StreamHandler)
    }

    package let method: HTTPMethod
    /// The path in OpenAPI syntax. `{name}` is a parameter that matches one non-empty segment.
    package let path: String
    package let kind: Kind
    /// Validates the head before the body is read or requested.
    package let admit: @Sendable (Request) throws(Problem) -> Void
    /// Adds headers to a response and counts it. Called once for each response of the route, including refusals; for a
    /// stream, when the response begins.
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

/// All routes of a server, and the fallback for requests without one.
package struct RouteTable: Sendable {
    /// The routes of one path.
    fileprivate struct Path: Sendable {
        /// The segments of the path; parameters keep their braces.
        let segments: [Substring]
        var routes: [Route]
        /// The value of `Allow`.
        var methods: String {
            var names = routes.map(\.method.rawValue)
            if names.contains("GET") { names.append("HEAD") }
            return (names + ["OPTIONS"]).joined(separator: ", ")
        }
    }

    enum Match {
        case route(Route, parameters: [(name: String, value: String)])
        /// The path exists but not with this method, or the method is `OPTIONS`.
        case otherMethod(allowed: String)
        case nothing
    }

    private let exact: [Substring: Path]
    private let patterns: [Path]
    private let allMethods: String
    /// Finishes responses that belong to no route.
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

    /// Finds the route for a method and path.
    func match(_ method: HTTPMethod, _ path: Substring) -> Match {
        if let found = exact[path] { return match(method, found, parameters: []) }
        if path == "*" { return method == .OPTIONS ? .otherMethod(allowed: allMethods) : .nothing }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        for pattern in patterns {
            if let parameters = pattern.parameters(segments) { return match(method, pattern, parameters: parameters) }
        }
        return .nothing
    }

    /// The response to `OPTIONS`: the methods of the path.
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
    /// The parameter values if the path matches this pattern; otherwise nil.
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

/// Completes a request asynchronously. May be used once; a response that is no longer needed is dropped.
package struct Completion: Sendable {
    private let eventLoop: any EventLoop
    private let handler: NIOLoopBound<ConnectionHandler>
    private let number: UInt64

    init(_ handler: ConnectionHandler, number: UInt64, on eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.handler = NIOLoopBound(handler, eventLoop: eventLoop)
        self.number = number
    }

    /// Responds with the result of `make`, which runs on the connection's event loop. Thread-safe.
    package func callAsFunction(_ make: @escaping @Sendable () -> Response) {
        let (handler, number) = (handler, number)
        eventLoop.execute { handler.value.complete(number, make) }
    }
}
