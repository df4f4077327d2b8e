package import HTTPTypes
package import Hummingbird

/// One route: a method, a path as OpenAPI writes it, and what answers.
package struct Endpoint: Sendable {
    /// Who may use it when API keys are in force.
    package enum Access: Sendable {
        case everybody
        case keyHolders
    }

    package typealias TaskHandler = @Sendable (Request, GatewayContext) async throws -> Response

    enum Handler: Sendable {
        /// Reads and answers as it likes, in a task.
        case task(TaskHandler)
        /// Asks the workers once, for which a connection needs no task.
        case question(QuestionHandler)
    }

    package let method: HTTPRequest.Method
    package let path: String
    package let access: Access
    let handler: Handler

    init(
        _ method: HTTPRequest.Method, _ path: String, for access: Access = .keyHolders, _ handler: @escaping TaskHandler
    ) {
        self.method = method
        self.path = path
        self.access = access
        self.handler = .task(handler)
    }

    /// An endpoint for key holders whose path has no parameters.
    init(_ method: HTTPRequest.Method, _ path: String, _ handler: QuestionHandler) {
        self.method = method
        self.path = path
        self.access = .keyHolders
        self.handler = .question(handler)
    }
}
