import HTTPTypes
import Hummingbird
import NIOCore

/// `POST /v2/models/{model}/infer`: the Open Inference Protocol, for clients of MLServer, Triton and KServe.
struct InferenceRoutes {
    private static let contentTypes = [ContentType.json, ContentType.binary]

    let core: GatewayCore

    var endpoints: [Endpoint] {
        [
            Endpoint(.post, "/v2/models/{model}/infer", infer),
            Endpoint(.post, "/v2/models/{model}/versions/{version}/infer", infer),
        ]
    }

    @Sendable
    private func infer(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let model = try core.model(named: context)
        do {
            return try await answer(request, context)
        } catch {
            core.inferences.failed(model: model, nanoseconds: MonotonicTime.now.since(context.start))
            throw error
        }
    }

    private func answer(_ request: Request, _ context: GatewayContext) async throws -> Response {
        // Triton's client names no type when nothing but JSON is in the body.
        if request.headers[.contentType] != nil { try request.head.requireContentType(Self.contentTypes) }
        let body = try await request.collectBody(limit: core.configuration.maximumBodyBytes)
        let inference = try InferenceReader.read(
            body, jsonLength: try jsonLength(request), rules: core.rules, maximum: core.configuration.maximumBatch)
        let result = try await core.classify(inference.sentences, for: request.head)
        let answers = try result.allAnswers()
        // The answers may have come from a model that took over just now.
        let model = try core.model(named: context)
        var writer = InferenceResponse(request: inference, model: model, answers: answers)
        let (bytes, jsonLength) = try writer.body()
        let nanoseconds = MonotonicTime.now.since(context.start)
        core.inferences.succeeded(result, model: model, nanoseconds: nanoseconds)
        var headers: HTTPFields = [
            .serverTiming: ServerTiming.value(worker: result.workerTiming, total: nanoseconds)
        ]
        if let jsonLength { headers[.inferenceHeaderContentLength] = String(jsonLength) }
        return Response(
            type: jsonLength == nil ? ContentType.json : ContentType.binary, body: bytes, headers: headers)
    }

    private func jsonLength(_ request: Request) throws(GatewayError) -> Int? {
        guard let value = request.headers[.inferenceHeaderContentLength] else { return nil }
        guard let length = Int(value), length >= 0 else {
            throw GatewayError(.invalidParameter, "Inference-Header-Content-Length must be a number of bytes")
        }
        return length
    }
}
