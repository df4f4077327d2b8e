import HTTPServer
import NIOCore
import NIOHTTP1

/// The Open Inference Protocol's metadata routes.
struct ModelRoutes {
    let core: GatewayCore

    var endpoints: [Endpoint] {
        [
            Endpoint(.GET, "/v2", for: .everybody, .immediate(server)),
            Endpoint(.GET, "/v2/health/live", for: .everybody, .immediate(live)),
            Endpoint(.GET, "/v2/health/ready", for: .everybody, .immediate(ready)),
            Endpoint(.POST, "/v2/repository/index", .immediateWithBody(index)),
            Endpoint(.GET, "/v2/models/stats", .immediate(allStatistics)),
            Endpoint(.GET, "/v2/models/{model}", .immediate(metadata)),
            Endpoint(.GET, "/v2/models/{model}/ready", .immediate(modelReady)),
            Endpoint(.GET, "/v2/models/{model}/config", .immediate(configuration)),
            Endpoint(.GET, "/v2/models/{model}/stats", .immediate(statistics)),
            Endpoint(.GET, "/v2/models/{model}/versions/{version}", .immediate(metadata)),
            Endpoint(.GET, "/v2/models/{model}/versions/{version}/ready", .immediate(modelReady)),
            Endpoint(.GET, "/v2/models/{model}/versions/{version}/config", .immediate(configuration)),
            Endpoint(.GET, "/v2/models/{model}/versions/{version}/stats", .immediate(statistics)),
        ]
    }

    @Sendable
    private func server(_ request: Request) throws(GatewayError) -> Response {
        Response(type: ContentType.json, body: ModelDescriptions.server())
    }

    @Sendable
    private func live(_ request: Request) throws(GatewayError) -> Response {
        Response(type: ContentType.json, text: #"{"live":true}"#)
    }

    @Sendable
    private func ready(_ request: Request) throws(GatewayError) -> Response {
        if let unavailable { throw GatewayError(.unavailable, unavailable) }
        return Response(type: ContentType.json, text: #"{"ready":true}"#)
    }

    @Sendable
    private func index(_ request: Request) throws(GatewayError) -> Response {
        // Triton's client sends neither a body nor a Content-Type.
        if request.body.readableBytes > 0 { try request.requireContentType([ContentType.json]) }
        let readyOnly = try ModelDescriptions.wantsReadyOnly(request.body)
        return Response(
            type: ContentType.json,
            body: ModelDescriptions.index(of: core.exchange.model, unavailable: unavailable, readyOnly: readyOnly))
    }

    @Sendable
    private func metadata(_ request: Request) throws(GatewayError) -> Response {
        Response(type: ContentType.json, body: ModelDescriptions.metadata(of: try core.model(named: request)))
    }

    @Sendable
    private func modelReady(_ request: Request) throws(GatewayError) -> Response {
        let model = try core.model(named: request)
        if let unavailable { throw GatewayError(.unavailable, unavailable) }
        return Response(type: ContentType.json, body: ModelDescriptions.readiness(of: model))
    }

    @Sendable
    private func configuration(_ request: Request) throws(GatewayError) -> Response {
        let model = try core.model(named: request)
        let maximum = core.configuration.maximumBatch
        return Response(
            type: ContentType.json, body: ModelDescriptions.configuration(of: model, maximumBatch: maximum))
    }

    @Sendable
    private func statistics(_ request: Request) throws(GatewayError) -> Response {
        Response(type: ContentType.json, body: core.inferences.body(for: try core.model(named: request)))
    }

    @Sendable
    private func allStatistics(_ request: Request) throws(GatewayError) -> Response {
        Response(type: ContentType.json, body: core.inferences.body(for: core.exchange.model))
    }

    /// Why requests cannot be answered now; nil if they can.
    private var unavailable: String? {
        if case .unavailable(let reason) = core.exchange.availability { reason } else { nil }
    }
}

extension GatewayCore {
    /// The current model. Throws if it is unknown or if the path names another one.
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
