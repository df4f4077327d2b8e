import Logging
import ServiceLifecycle
import UnixSignals

/// Runs a service until SIGTERM or SIGINT, or until it fails.
enum Daemon {
    static func run(_ service: some Service, logger: Logger) async throws {
        // The lifecycle's own lines say what the service says itself; only its warnings are news.
        var quiet = logger
        quiet.logLevel = max(.warning, logger.logLevel)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
        try await group.run()
    }
}
