import HTTPServer
import NIOHTTP1
import Platform
import Telemetry

/// One route of the gateway: a method, a path in OpenAPI syntax, its access rule and its handler.
struct Endpoint: Sendable {
    /// Who may use it if API keys are configured.
    enum Access: Sendable {
        case everybody
        case keyHolders
    }

    enum Handler: Sendable {
        /// Answers synchronously.
        case immediate(@Sendable (Request) throws(GatewayError) -> Response)
        /// Answers synchronously, once the whole body has been read.
        case immediateWithBody(@Sendable (Request) throws(GatewayError) -> Response)
        /// Asks the workers once, without a body.
        case question(@Sendable (Request) throws(GatewayError) -> Question)
        /// Asks the workers once, about the content of the body.
        case questionWithBody(@Sendable (Request) throws(GatewayError) -> Question)
        /// Answers in a task, once the whole body has been read.
        case task(@Sendable (Request) async throws(GatewayError) -> Response)
        /// Answers in a task while the body arrives.
        case stream(Route.StreamHandler)
    }

    let method: HTTPMethod
    let path: String
    let access: Access
    let handler: Handler
    /// Validates the head before the body is read.
    let check: @Sendable (Request) throws(GatewayError) -> Void

    init(
        _ method: HTTPMethod, _ path: String, for access: Access = .keyHolders, _ handler: Handler,
        check: @escaping @Sendable (Request) throws(GatewayError) -> Void = { _ throws(GatewayError) in }
    ) {
        self.method = method
        self.path = path
        self.access = access
        self.handler = handler
        self.check = check
    }

    /// The server's route for the endpoint, with API keys, CORS and metrics added.
    func route(in core: GatewayCore) -> Route {
        let keys = access == .keyHolders ? core.keys : nil
        let origins = core.origins
        let metrics = core.metrics.route(path)
        let check = check
        return Route(
            method, path, kind(in: core),
            admit: { request throws(Problem) in
                do throws(GatewayError) {
                    if let keys { try keys.check(request["authorization"]) }
                    try check(request)
                } catch {
                    throw Problem(error)
                }
            },
            finish: { request, response in
                origins.allow(request, &response)
                response.nameProblem(of: request)
                metrics.record(
                    status: Int(response.status.code), nanoseconds: MonotonicTime.now.since(request.start))
            })
    }

    private func kind(in core: GatewayCore) -> Route.Kind {
        switch handler {
        case .immediate(let answer):
            return .withoutBody { request, _ in
                do throws(GatewayError) {
                    return .response(try answer(request))
                } catch {
                    return .response(Response(Problem(error)))
                }
            }
        case .immediateWithBody(let answer):
            return .withBody { request, _ in
                do throws(GatewayError) {
                    return .response(try answer(request))
                } catch {
                    return .response(Response(Problem(error)))
                }
            }
        case .question(let question):
            return .withoutBody { request, completion in core.ask(question, request, completion) }
        case .questionWithBody(let question):
            return .withBody { request, completion in core.ask(question, request, completion) }
        case .task(let answer):
            return .withBody { request, completion in
                let task = Task {
                    let response: Response
                    do throws(GatewayError) {
                        response = try await answer(request)
                    } catch {
                        response = Response(Problem(error))
                    }
                    completion { response }
                }
                return .pending { task.cancel() }
            }
        case .stream(let serve):
            return .stream { request, body, writer in
                do {
                    try await serve(request, body, writer)
                } catch let error as GatewayError {
                    throw Problem(error)
                }
            }
        }
    }
}

/// The sentences to classify for a request, and how to turn the answers into a response.
struct Question: Sendable {
    /// Empty if the request has no valid sentence.
    let sentences: [Sentence]
    let response: @Sendable (CallResult) throws(GatewayError) -> Response

    /// The response, or the problem if building it fails.
    func answer(to result: CallResult) -> Response {
        do throws(GatewayError) { return try response(result) } catch { return Response(Problem(error)) }
    }
}

extension GatewayCore {
    /// Asks the workers. Answers at once if nothing has to be waited for.
    fileprivate func ask(
        _ question: (Request) throws(GatewayError) -> Question, _ request: Request, _ completion: Completion
    ) -> Route.Answer {
        do throws(GatewayError) {
            let question = try question(request)
            let beginning = try begin(question.sentences, for: request) { result in
                completion { question.answer(to: result) }
            }
            switch beginning {
            case .finished(let result): return .response(question.answer(to: result))
            case .waiting(let ticket):
                let exchange = exchange
                return .pending { exchange.cancel(ticket) }
            }
        } catch {
            return .response(Response(Problem(error)))
        }
    }
}

extension Problem {
    /// The HTTP form of the error.
    init(_ error: GatewayError) {
        var headers: [(name: String, value: String)] = []
        if let seconds = error.code.retryAfter { headers.append(("Retry-After", String(seconds))) }
        if error.code == .unauthorized { headers.append(("WWW-Authenticate", "Bearer realm=\"triage\"")) }
        self.init(
            error.code.status, error.code.rawValue, title: error.code.title, detail: error.detail, headers: headers)
    }
}

extension Response {
    /// Under `/v2`, problems have the type `application/json`, because clients of the Open Inference Protocol show
    /// error messages of that type only.
    mutating func nameProblem(of request: Request) {
        guard status.code >= 400, request.path == "/v2" || request.path.hasPrefix("/v2/"),
            let index = headers.firstIndex(where: { $0.name == "Content-Type" && $0.value == Problem.contentType })
        else { return }
        headers[index].value = ContentType.json
    }
}
