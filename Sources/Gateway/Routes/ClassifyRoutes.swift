import HTTPServer
import NIOCore
import NIOHTTP1
import Platform

/// `POST /v1/classify` and `POST /v1/classify/batch`.
struct ClassifyRoutes {
    let core: GatewayCore

    var endpoints: [Endpoint] {
        [
            Endpoint(.POST, "/v1/classify", .questionWithBody(one), check: jsonOrEvent),
            Endpoint(.POST, "/v1/classify/batch", .questionWithBody(many), check: json),
        ]
    }

    @Sendable
    private func json(_ request: Request) throws(GatewayError) {
        try request.requireContentType([ContentType.json])
    }

    @Sendable
    private func jsonOrEvent(_ request: Request) throws(GatewayError) {
        try request.requireContentType([ContentType.json, ContentType.event])
    }

    @Sendable
    private func one(_ request: Request) throws(GatewayError) -> Question {
        let asked = RequestBodies.sentence(request, rules: core.rules)
        return Question(sentences: [try asked.outcome.get()]) { result throws(GatewayError) in
            let answer = try result.outcomes[0].get()
            var body = ByteBuffer()
            body.reserveCapacity(answer.bytes.readableBytes + 64)
            body.writeResult(id: asked.id ?? RequestID.fresh(), .success(answer))
            return Response(type: ContentType.json, body: body, headers: result.headers(since: request.start))
        }
    }

    @Sendable
    private func many(_ request: Request) throws(GatewayError) -> Question {
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
            return Response(
                isFine ? .ok : .multiStatus, type: ContentType.json,
                body: body,
                headers: [("Server-Timing", ServerTiming.value(worker: result.workerTiming, total: total))])
        }
    }
}
