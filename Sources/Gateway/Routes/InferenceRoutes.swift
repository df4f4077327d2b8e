import HTTPServer
import NIOCore
import NIOHTTP1
import Platform

/// `POST /v2/models/{model}/infer`: the Open Inference Protocol, for clients of MLServer, Triton and KServe.
struct InferenceRoutes {
    private static let contentTypes = [ContentType.json, ContentType.binary]

    let core: GatewayCore

    var endpoints: [Endpoint] {
        [
            Endpoint(.POST, "/v2/models/{model}/infer", .questionWithBody(infer), check: check),
            Endpoint(.POST, "/v2/models/{model}/versions/{version}/infer", .questionWithBody(infer), check: check),
        ]
    }

    @Sendable
    private func check(_ request: Request) throws(GatewayError) {
        let model = try core.model(named: request)
        do throws(GatewayError) {
            // Triton's client sends no Content-Type if the body is plain JSON.
            if request["content-type"] != nil { try request.requireContentType(Self.contentTypes) }
        } catch {
            core.inferences.failed(model: model, nanoseconds: MonotonicTime.now.since(request.start))
            throw error
        }
    }

    @Sendable
    private func infer(_ request: Request) throws(GatewayError) -> Question {
        let model = try core.model(named: request)
        do throws(GatewayError) {
            let inference = try InferenceReader.read(
                request.body, jsonLength: try jsonLength(request), rules: core.rules,
                maximum: core.configuration.maximumBatch)
            return Question(sentences: inference.sentences) { result throws(GatewayError) in
                do throws(GatewayError) {
                    return try answer(inference, request, result)
                } catch {
                    core.inferences.failed(model: model, nanoseconds: MonotonicTime.now.since(request.start))
                    throw error
                }
            }
        } catch {
            core.inferences.failed(model: model, nanoseconds: MonotonicTime.now.since(request.start))
            throw error
        }
    }

    private func answer(
        _ inference: InferenceRequest, _ request: Request, _ result: CallResult
    ) throws(GatewayError) -> Response {
        let answers = try result.allAnswers()
        // The model may have changed since the request arrived.
        let model = try core.model(named: request)
        var writer = InferenceResponse(request: inference, model: model, answers: answers)
        let (bytes, jsonLength) = try writer.body()
        let nanoseconds = MonotonicTime.now.since(request.start)
        core.inferences.succeeded(result, model: model, nanoseconds: nanoseconds)
        var response = Response(
            type: jsonLength == nil ? ContentType.json : ContentType.binary, body: bytes,
            headers: [("Server-Timing", ServerTiming.value(worker: result.workerTiming, total: nanoseconds))])
        if let jsonLength { response.headers.append(("Inference-Header-Content-Length", String(jsonLength))) }
        return response
    }

    private func jsonLength(_ request: Request) throws(GatewayError) -> Int? {
        guard let value = request["inference-header-content-length"] else { return nil }
        guard let length = Int(value), length >= 0 else {
            throw GatewayError(.invalidParameter, "Inference-Header-Content-Length must be a number of bytes")
        }
        return length
    }
}
