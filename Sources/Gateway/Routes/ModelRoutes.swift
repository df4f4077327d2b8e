import HTTPTypes
import Hummingbird
import NIOCore

/// The Open Inference Protocol's questions about the server and the model.
struct ModelRoutes {
    let core: GatewayCore

    var endpoints: [Endpoint] {
        [
            Endpoint(.get, "/v2", for: .everybody, server),
            Endpoint(.get, "/v2/health/live", for: .everybody, live),
            Endpoint(.get, "/v2/health/ready", for: .everybody, ready),
            Endpoint(.get, "/v2/models/{model}", metadata),
            Endpoint(.get, "/v2/models/{model}/ready", modelReady),
            Endpoint(.get, "/v2/models/{model}/versions/{version}", metadata),
            Endpoint(.get, "/v2/models/{model}/versions/{version}/ready", modelReady),
        ]
    }

    @Sendable
    private func server(_ request: Request, _ context: GatewayContext) async throws -> Response {
        Response(
            type: ContentType.json,
            text: #"{"name":"triage","version":"\#(GatewayVersion.current)","extensions":["binary_tensor_data"]}"#)
    }

    @Sendable
    private func live(_ request: Request, _ context: GatewayContext) async throws -> Response {
        Response(type: ContentType.json, text: #"{"live":true}"#)
    }

    @Sendable
    private func ready(_ request: Request, _ context: GatewayContext) async throws -> Response {
        if case .unavailable(let reason) = core.exchange.availability { throw GatewayError(.unavailable, reason) }
        return Response(type: ContentType.json, text: #"{"ready":true}"#)
    }

    @Sendable
    private func modelReady(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let model = try core.model(named: context)
        if case .unavailable(let reason) = core.exchange.availability { throw GatewayError(.unavailable, reason) }
        var body = ByteBuffer()
        body.writeStaticString("{\"name\":")
        body.writeJSON(string: model.name)
        body.writeStaticString(",\"ready\":true}")
        return Response(type: ContentType.json, body: body)
    }

    @Sendable
    private func metadata(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let model = try core.model(named: context)
        var body = ByteBuffer()
        body.writeStaticString("{\"name\":")
        body.writeJSON(string: model.name)
        body.writeStaticString(",\"versions\":[")
        body.writeJSON(string: model.version)
        body.writeStaticString("],\"platform\":\"triage\",\"inputs\":[")
        body.writeStaticString("{\"name\":\"text\",\"datatype\":\"BYTES\",\"shape\":[-1]}],\"outputs\":[")
        body.writeStaticString("{\"name\":\"probabilities\",\"datatype\":\"FP32\",\"shape\":[-1,")
        body.writeDecimal(model.labels.count)
        body.writeStaticString("],\"parameters\":{\"labels\":[")
        for (index, label) in model.labels.enumerated() {
            if index > 0 { body.writeStaticString(",") }
            body.writeJSON(string: label)
        }
        body.writeStaticString("]}},{\"name\":\"label\",\"datatype\":\"BYTES\",\"shape\":[-1]}]}")
        return Response(type: ContentType.json, body: body)
    }
}

extension GatewayCore {
    /// The model that the path names, when it is the one that the workers have.
    func model(named context: GatewayContext) throws(GatewayError) -> ModelInformation {
        guard let model = exchange.model else {
            throw GatewayError(.modelUnknown, "no worker has answered yet, so the model is not known")
        }
        if let name = context.parameters.get("model"), name != model.name {
            throw GatewayError(.modelNotFound, "the model here is \(model.name)")
        }
        if let version = context.parameters.get("version"), version != model.version {
            throw GatewayError(.modelNotFound, "the version of \(model.name) here is \(model.version)")
        }
        return model
    }
}
