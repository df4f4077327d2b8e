import HTTPServer
import Logging
import NIOHTTP1
import Telemetry

/// The worker's admin HTTP server: `/health/live`, `/health/ready`, `/metrics`.
struct AdminEndpoint: Sendable {
    let host: String
    let port: Int
    let health: WorkerHealth
    let registry: PrometheusRegistry
    let logger: Logger

    /// Serves until it is cancelled or the group shuts down.
    func run() async throws {
        var configuration = HTTPServerConfiguration(name: "admin", host: host, port: port)
        // Probes and scrapes are few, small and quick.
        configuration.maximumConnections = 256
        configuration.maximumHeldBytes = 4 * 1_024 * 1_024
        configuration.maximumBodyBytes = 65_536
        configuration.shutdownTimeout = .seconds(1)
        let (health, registry) = (health, registry)
        let routes = RouteTable([
            Route(.GET, "/health/live", .withoutBody { _, _ in answer(health.liveProblem) }),
            Route(.GET, "/health/ready", .withoutBody { _, _ in answer(health.readyProblem) }),
            Route(
                .GET, "/metrics",
                .withoutBody { _, _ in
                    .response(Response(type: PrometheusRegistry.contentType, text: registry.exposition()))
                }),
        ])
        try await HTTPServer(
            configuration, routes: routes, logger: logger,
            onRunning: { port in
                logger.info("the admin endpoint listens", [.address: "\(host)", .port: "\(port)"])
            }
        ).run()
    }

    private func answer(_ problem: String?) -> Route.Answer {
        var response = Response(
            problem == nil ? .ok : .serviceUnavailable, type: "text/plain; charset=utf-8",
            text: (problem ?? "ok") + "\n")
        response.headers.append(("Cache-Control", "no-store"))
        return .response(response)
    }
}
