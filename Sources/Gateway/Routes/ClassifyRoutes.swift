import HTTPTypes
import NIOCore

/// `POST /v1/classify` and `POST /v1/classify/batch`.
struct ClassifyRoutes {
    let core: GatewayCore

    var endpoints: [Endpoint] {
        [
            Endpoint(
                .post, "/v1/classify",
                QuestionHandler(contentTypes: [ContentType.json, ContentType.event], question: one)),
            Endpoint(.post, "/v1/classify/batch", QuestionHandler(contentTypes: [ContentType.json], question: many)),
        ]
    }

    @Sendable
    private func one(_ request: WholeRequest) throws(GatewayError) -> Question {
        let asked = RequestBodies.sentence(request.body, head: request.head, rules: core.rules)
        return Question(sentences: [try asked.outcome.get()]) { result throws(GatewayError) in
            let answer = try result.outcomes[0].get()
            var body = ByteBuffer()
            body.reserveCapacity(answer.bytes.readableBytes + 64)
            body.writeResult(id: asked.id ?? RequestID.fresh(), .success(answer))
            return WholeResponse(type: ContentType.json, body: body, headers: result.headers(since: request.start))
        }
    }

    @Sendable
    private func many(_ request: WholeRequest) throws(GatewayError) -> Question {
        let texts = try RequestBodies.texts(
            request.body, rules: core.rules, maximum: core.configuration.maximumBatch)
        return Question(sentences: texts.sentences) { result in
            var body = ByteBuffer()
            body.reserveCapacity(texts.count * 256)
            body.writeStaticString("[")
            var outcomes = result.outcomes.makeIterator()
            var isFine = true
            for (index, violation) in texts.violations.enumerated() {
                if index > 0 { body.writeStaticString(",") }
                let outcome: Outcome = violation.map { .failure($0) } ?? outcomes.next() ?? .failure(.cancelled)
                if case .failure = outcome { isFine = false }
                body.writeResult(id: String(index), outcome)
            }
            body.writeStaticString("]")
            let total = MonotonicTime.now.since(request.start)
            return WholeResponse(
                isFine ? .ok : HTTPResponse.Status(code: 207, reasonPhrase: "Multi-Status"), type: ContentType.json,
                body: body,
                headers: [.serverTiming: ServerTiming.value(worker: result.workerTiming, total: total)])
        }
    }
}
