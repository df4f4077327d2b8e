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
            Endpoint(.post, "/v2/repository/index", index),
            Endpoint(.get, "/v2/models/stats", allStatistics),
            Endpoint(.get, "/v2/models/{model}", metadata),
            Endpoint(.get, "/v2/models/{model}/ready", modelReady),
            Endpoint(.get, "/v2/models/{model}/config", configuration),
            Endpoint(.get, "/v2/models/{model}/stats", statistics),
            Endpoint(.get, "/v2/models/{model}/versions/{version}", metadata),
            Endpoint(.get, "/v2/models/{model}/versions/{version}/ready", modelReady),
            Endpoint(.get, "/v2/models/{model}/versions/{version}/config", configuration),
            Endpoint(.get, "/v2/models/{model}/versions/{version}/stats", statistics),
        ]
    }

    @Sendable
    private func server(_ request: Request, _ context: GatewayContext) async throws -> Response {
        Response(type: ContentType.json, body: ModelDescriptions.server())
    }

    @Sendable
    private func live(_ request: Request, _ context: GatewayContext) async throws -> Response {
        Response(type: ContentType.json, text: #"{"live":true}"#)
    }

    @Sendable
    private func ready(_ request: Request, _ context: GatewayContext) async throws -> Response {
        if let unavailable { throw GatewayError(.unavailable, unavailable) }
        return Response(type: ContentType.json, text: #"{"ready":true}"#)
    }

    @Sendable
    private func index(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let body = try await request.collectBody(limit: core.configuration.maximumBodyBytes)
        // Triton's client sends neither a body nor a type.
        if body.readableBytes > 0 { try request.head.requireContentType([ContentType.json]) }
        let readyOnly = try ModelDescriptions.wantsReadyOnly(body)
        return Response(
            type: ContentType.json,
            body: ModelDescriptions.index(of: core.exchange.model, unavailable: unavailable, readyOnly: readyOnly))
    }

    @Sendable
    private func metadata(_ request: Request, _ context: GatewayContext) async throws -> Response {
        Response(type: ContentType.json, body: ModelDescriptions.metadata(of: try core.model(named: context)))
    }

    @Sendable
    private func modelReady(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let model = try core.model(named: context)
        if let unavailable { throw GatewayError(.unavailable, unavailable) }
        return Response(type: ContentType.json, body: ModelDescriptions.readiness(of: model))
    }

    @Sendable
    private func configuration(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let model = try core.model(named: context)
        let maximum = core.configuration.maximumBatch
        return Response(
            type: ContentType.json, body: ModelDescriptions.configuration(of: model, maximumBatch: maximum))
    }

    @Sendable
    private func statistics(_ request: Request, _ context: GatewayContext) async throws -> Response {
        Response(type: ContentType.json, body: core.inferences.body(for: try core.model(named: context)))
    }

    @Sendable
    private func allStatistics(_ request: Request, _ context: GatewayContext) async throws -> Response {
        Response(type: ContentType.json, body: core.inferences.body(for: core.exchange.model))
    }

    /// Why nothing would be answered now; nil when it would.
    private var unavailable: String? {
        if case .unavailable(let reason) = core.exchange.availability { reason } else { nil }
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
