import HTTPServer
import NIOCore
import NIOHTTP1

/// `GET /api/intent?sentence=…`: from class to probability, and nothing else.
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
