import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Telemetry

/// The worker's own small HTTP server: `/health/live`, `/health/ready`, `/metrics`.
struct AdminEndpoint: Sendable {
    let host: String
    let port: Int
    let health: WorkerHealth
    let registry: PrometheusRegistry
    let logger: Logger

    /// Serves until it is cancelled or the group shuts down.
    func run() async throws {
        let router = Router()
        router.get("/health/live") { _, _ in answer(health.liveProblem) }
        router.get("/health/ready") { _, _ in answer(health.readyProblem) }
        router.get("/metrics") { _, _ in
            Response(
                status: .ok, headers: [.contentType: PrometheusRegistry.contentType],
                body: ResponseBody(byteBuffer: ByteBuffer(string: registry.exposition())))
        }
        var quiet = logger
        quiet.logLevel = .warning
        let application = Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: "triage"),
            onServerRunning: { channel in
                logger.info(
                    "the admin endpoint listens",
                    [.address: "\(host)", .port: "\(channel.localAddress?.port ?? port)"])
            }, logger: quiet)
        try await application.run()
    }

    private func answer(_ problem: String?) -> Response {
        Response(
            status: problem == nil ? .ok : .serviceUnavailable,
            headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: (problem ?? "ok") + "\n")))
    }
}
