import HTTPTypes
import Hummingbird
import Messages
import NIOCore

/// `POST /v1/classify` and `POST /v1/classify/batch`.
struct ClassifyRoutes {
    let core: GatewayCore

    var endpoints: [Endpoint] {
        [Endpoint(.post, "/v1/classify", one), Endpoint(.post, "/v1/classify/batch", many)]
    }

    @Sendable
    private func one(_ request: Request, _ context: GatewayContext) async throws -> Response {
        try request.requireContentType([ContentType.json])
        let body = try await request.collectBody(limit: core.configuration.maximumBodyBytes)
        let asked = try RequestBodies.sentence(body, rules: core.rules)
        let answered = try await core.classify(asked.sentence, for: request)
        var response = ByteBuffer()
        response.reserveCapacity(answered.answer.bytes.readableBytes + 64)
        response.writeResult(id: asked.id ?? RequestID.fresh(), .success(answered.answer))
        return Response(type: ContentType.json, body: response, headers: answered.headers(since: context.start))
    }

    @Sendable
    private func many(_ request: Request, _ context: GatewayContext) async throws -> Response {
        try request.requireContentType([ContentType.json])
        let body = try await request.collectBody(limit: core.configuration.maximumBodyBytes)
        let texts = try RequestBodies.texts(body, rules: core.rules, maximum: core.configuration.maximumBatch)
        let result = try await core.classify(texts.sentences, for: request)
        var response = ByteBuffer()
        response.reserveCapacity(texts.count * 256)
        response.writeStaticString("[")
        var outcomes = result.outcomes.makeIterator()
        var isFine = true
        for (index, violation) in texts.violations.enumerated() {
            if index > 0 { response.writeStaticString(",") }
            let outcome: Outcome = violation.map { .failure($0) } ?? outcomes.next() ?? .failure(.cancelled)
            if case .failure = outcome { isFine = false }
            response.writeResult(id: String(index), outcome)
        }
        response.writeStaticString("]")
        let total = MonotonicTime.now.since(context.start)
        return Response(
            isFine ? .ok : HTTPResponse.Status(code: 207, reasonPhrase: "Multi-Status"), type: ContentType.json,
            body: response,
            headers: [.serverTiming: ServerTiming.value(worker: result.workerTiming, total: total)])
    }
}
