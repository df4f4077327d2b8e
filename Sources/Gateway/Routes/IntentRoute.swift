import HTTPTypes
import Hummingbird
import NIOCore

/// `GET /api/intent?sentence=…`: from class to probability, and nothing else.
struct IntentRoute {
    let core: GatewayCore

    var endpoints: [Endpoint] { [Endpoint(.get, "/api/intent", intent)] }

    @Sendable
    private func intent(_ request: Request, _ context: GatewayContext) async throws -> Response {
        guard let text = try request.queryParameter("sentence") else {
            throw GatewayError(.missingText, "the query parameter sentence is missing")
        }
        let sentence = try core.rules.sentence(text)
        let answered = try await core.classify(sentence, for: request)
        var body = ByteBuffer()
        body.writeProbabilities(of: answered.answer)
        return Response(type: ContentType.json, body: body, headers: answered.headers(since: context.start))
    }
}
