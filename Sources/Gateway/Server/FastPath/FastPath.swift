import HTTPTypes

/// The routes that are answered without a task, and what answering them takes. One for all connections.
package struct FastPath: Sendable {
    /// An endpoint that asks the workers once, in its frame.
    struct Route: Sendable {
        let method: HTTPRequest.Method
        let path: String
        let frame: EndpointFrame
        let handler: QuestionHandler
    }

    let core: GatewayCore
    let date: DateField
    private let routes: [Route]

    package init(core: GatewayCore, date: DateField) {
        self.core = core
        self.date = date
        self.routes = core.endpoints.compactMap { endpoint in
            guard case .question(let handler) = endpoint.handler else { return nil }
            return Route(
                method: endpoint.method, path: endpoint.path, frame: EndpointFrame(endpoint, core: core),
                handler: handler)
        }
    }

    /// What answers this request; nil when the router has to.
    func route(for request: HTTPRequest) -> Route? {
        guard let target = request.path?.utf8 else { return nil }
        return routes.first { route in
            guard route.method == request.method, target.starts(with: route.path.utf8) else { return false }
            let rest = target.dropFirst(route.path.utf8.count)
            return rest.isEmpty || rest.first == UInt8(ascii: "?")
        }
    }
}
