import HTTPTypes
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle
import Telemetry

/// Builds the HTTP server from Hummingbird's parts. Its `Application` would add a logger and an id to every request, of
/// which the gateway makes no use and whose cost shows, in time and in memory for each open connection.
enum HTTPServer {
    static func make(
        for core: GatewayCore, tls: TLSConfiguration?, logger: Logger,
        onRunning: @escaping @Sendable (_ port: Int) async -> Void
    ) throws -> any Service {
        let configuration = core.configuration
        let group = MultiThreadedEventLoopGroup.singleton
        let executors = EventLoopExecutors(group)
        let connections = OpenConnections()
        let date = DateField()
        let fastPath = FastPath(core: core, date: date)
        var builder = HTTPServerBuilder { responder in
            GatewayChannel(fastPath: fastPath, executors: executors, connections: connections, responder: responder)
        }
        if let tls { builder = try .tls(builder, tlsConfiguration: tls) }
        let router = GatewayRouter.responder(for: core)
        let server = try builder.buildServer(
            configuration: ServerConfiguration(
                address: .hostname(configuration.host, port: configuration.port), backlog: 1_024,
                availableConnectionsDelegate: .maximum(configuration.maximumConnections, logger: logger)),
            eventLoopGroup: group, logger: logger.silenced,
            responder: { request, writer, channel in
                let context = GatewayContext(source: ApplicationRequestContextSource(channel: channel, logger: logger))
                var response: Response
                do {
                    response = try await router.respond(to: request, context: context)
                } catch {
                    // Endpoints answer their own errors; this is Hummingbird's last word.
                    response = Response(problem: GatewayError(.internalError, "the gateway failed; its log says why"))
                    logger.error("a request failed", [.error: "\(error)"])
                }
                response.headers[.date] = date.value
                try await writer.write(response: response.head, body: response.body)
            },
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? configuration.port
                logger.notice("the gateway listens", [.address: "\(configuration.host)", .port: "\(port)"])
                await onRunning(port)
            })
        return ServerWithConnections(server: server, connections: connections)
    }
}

extension Logger {
    /// The same logger without what Hummingbird says in normal operation.
    fileprivate var silenced: Logger {
        var logger = self
        if logger.logLevel == .info || logger.logLevel == .notice { logger.logLevel = .warning }
        return logger
    }
}
