package import HTTPTypes
package import Hummingbird

/// One route: a method, a path as OpenAPI writes it, and what answers.
package struct Endpoint: Sendable {
    /// Who may use it when API keys are in force.
    package enum Access: Sendable {
        case everybody
        case keyHolders
    }

    package typealias Handler = @Sendable (Request, GatewayContext) async throws -> Response

    package let method: HTTPRequest.Method
    package let path: String
    package let access: Access
    let handler: Handler

    init(_ method: HTTPRequest.Method, _ path: String, for access: Access = .keyHolders, _ handler: @escaping Handler) {
        self.method = method
        self.path = path
        self.access = access
        self.handler = handler
    }
}
