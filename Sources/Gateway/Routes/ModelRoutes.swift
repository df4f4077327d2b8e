import HTTPServer
import NIOCore
import NIOHTTP1

/// The Open Inference Protocol's questions about the server and the model.
struct ModelRoutes {
    let core: GatewayCore

    var endpoints: [Endpoint] {
        [
            Endpoint(.GET, "/v2", for: .everybody, .immediate(server)),
            Endpoint(.GET, "/v2/health/live", for: .everybody, .immediate(live)),
            Endpoint(.GET, "/v2/health/ready", for: .everybody, .immediate(ready)),
            Endpoint(.GET, "/v2/models/{model}", .immediate(metadata)),
            Endpoint(.GET, "/v2/models/{model}/ready", .immediate(modelReady)),
            Endpoint(.GET, "/v2/models/{model}/versions/{version}", .immediate(metadata)),
            Endpoint(.GET, "/v2/models/{model}/versions/{version}/ready", .immediate(modelReady)),
        ]
    }

    @Sendable
    private func server(_ request: Request) throws(GatewayError) -> Response {
        Response(
            type: ContentType.json,
            text: #"{"name":"triage","version":"\#(GatewayVersion.current)","extensions":["binary_tensor_data"]}"#)
    }

    @Sendable
    private func live(_ request: Request) throws(GatewayError) -> Response {
        Response(type: ContentType.json, text: #"{"live":true}"#)
    }

    @Sendable
    private func ready(_ request: Request) throws(GatewayError) -> Response {
        if case .unavailable(let reason) = core.exchange.availability { throw GatewayError(.unavailable, reason) }
        return Response(type: ContentType.json, text: #"{"ready":true}"#)
    }

    @Sendable
    private func modelReady(_ request: Request) throws(GatewayError) -> Response {
        let model = try core.model(named: request)
        if case .unavailable(let reason) = core.exchange.availability { throw GatewayError(.unavailable, reason) }
        var body = ByteBuffer()
        body.writeStaticString("{\"name\":")
        body.writeJSON(string: model.name)
        body.writeStaticString(",\"ready\":true}")
        return Response(type: ContentType.json, body: body)
    }

    @Sendable
    private func metadata(_ request: Request) throws(GatewayError) -> Response {
        let model = try core.model(named: request)
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
    func model(named request: Request) throws(GatewayError) -> ModelInformation {
        guard let model = exchange.model else {
            throw GatewayError(.modelUnknown, "no worker has answered yet, so the model is not known")
        }
        if let name = request.parameter("model"), name != model.name {
            throw GatewayError(.modelNotFound, "the model here is \(model.name)")
        }
        if let version = request.parameter("version"), version != model.version {
            throw GatewayError(.modelNotFound, "the version of \(model.name) here is \(model.version)")
        }
        return model
    }
}
