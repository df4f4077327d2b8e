import HTTPServer
import Messages
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
            body.writeResult(id: asked.id ?? RequestID.fresh(), .success(answer), top: asked.top)
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
                body.writeResult(id: String(index), outcome, top: texts.top)
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

/// `GET /api/intent?sentence=…`: returns only the object from class to probability.
struct IntentRoute {
    let core: GatewayCore

    var endpoints: [Endpoint] {
        [Endpoint(.GET, "/api/intent", .question(intent))]
    }

    @Sendable
    private func intent(_ request: Request) throws(GatewayError) -> Question {
        guard let text = try request.queryParameter("sentence") else {
            throw GatewayError(.missingText, "the query parameter sentence is missing")
        }
        return Question(sentences: [try core.rules.sentence(text)]) { result throws(GatewayError) in
            let answer = try result.outcomes[0].get()
            var body = ByteBuffer()
            body.writeProbabilities(of: answer)
            return Response(type: ContentType.json, body: body, headers: result.headers(since: request.start))
        }
    }
}

extension CallResult {
    /// The response headers that show where the answer to a single sentence came from and where the time went.
    func headers(since start: MonotonicTime) -> [(name: String, value: String)] {
        // A cached answer has no worker timing: that time was spent on another request.
        [
            ("X-Cache", sources[0].rawValue),
            ("Server-Timing", ServerTiming.value(worker: workerTiming, total: MonotonicTime.now.since(start))),
        ]
    }
}

extension GatewayCore {
    /// The rules for a valid sentence.
    var rules: SentenceRules { SentenceRules(maximumBytes: configuration.maximumTextBytes) }

    /// Starts to classify sentences with the options in the request's headers.
    ///
    /// - Parameter waiter: called with the result if it is not available at once, on any thread.
    func begin(
        _ sentences: [Sentence], for request: Request, waiter: (@Sendable (CallResult) -> Void)? = nil
    ) throws(GatewayError) -> Exchange.Beginning {
        try exchange.begin(
            sentences, deadline: try request.deadline(default: configuration.requestTimeout),
            usesCache: request.allowsCachedAnswer, trace: request.trace, waiter: waiter)
    }
}
