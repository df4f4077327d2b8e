package import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Platform
import ServiceLifecycle
import Synchronization

/// An HTTP/1.1 server, with or without TLS.
///
/// ```swift
/// let server = HTTPServer(configuration, routes: RouteTable([route]), logger: logger)
/// try await server.run()
/// ```
///
/// On graceful shutdown it stops accepting connections, finishes the requests in flight, and returns within
/// ``HTTPServerConfiguration/shutdownTimeout``.
package struct HTTPServer: Service {
    private let context: ServerContext
    private let tls: ReloadableTLS?
    private let onRunning: @Sendable (_ port: Int) async -> Void

    /// Nothing listens before ``run()``.
    ///
    /// - Parameters:
    ///   - tls: the loaded certificate of `configuration`; nil for plain HTTP.
    ///   - onRunning: called with the port once the server listens.
    package init(
        _ configuration: HTTPServerConfiguration, routes: RouteTable, tls: ReloadableTLS? = nil, logger: Logger,
        onRunning: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
    ) {
        self.context = ServerContext(configuration, routes: routes, logger: logger)
        self.tls = tls
        self.onRunning = onRunning
    }

    /// Serves until graceful shutdown or cancellation.
    ///
    /// - Throws: NIO's error if the address cannot be bound.
    package func run() async throws {
        let configuration = context.configuration
        let table = ConnectionTable(capacity: context.capacity, refusals: 32)
        context.warnOfFewDescriptors()
        let channel = try await bind(table)
        let timeout = configuration.shutdownTimeout
        try await withGracefulShutdownHandler {
            await onRunning(channel.localAddress?.port ?? configuration.port)
            try await withTaskCancellationHandler {
                // Closed by graceful shutdown or cancellation, whichever comes first.
                try await channel.closeFuture.get()
            } onCancel: {
                channel.close(promise: nil)
            }
        } onGracefulShutdown: {
            channel.close(promise: nil)
        }
        table.quiesce()
        // Cancellation ends the wait at once.
        await withTaskGroup { group in
            group.addTask { await table.allClosed() }
            group.addTask { try? await Task.sleep(for: timeout) }
            await group.next()
            group.cancelAll()
        }
        if table.count > 0 {
            if !Task.isCancelled {
                context.logger.warning("\(table.count) connections did not end in time and are cut off")
            }
            table.closeAll()
            // An unstructured task, so that cancellation does not skip it: no connection may outlive its server.
            await Task { await table.allClosed() }.value
        }
        table.forgetLoops()
    }

    private func bind(_ table: ConnectionTable) async throws -> any Channel {
        let (context, tls) = (context, tls)
        let (host, port) = (context.configuration.host, context.configuration.port)
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
                    try channel.pipeline.syncOperations.addHandler(AcceptLimiter(table: table))
                }
            }
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // Most requests are smaller than NIO's initial 2 KiB, which every idle connection would hold.
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 512, maximum: 65_536)
            )
            .childChannelInitializer { channel in
                let isOneTooMany = !table.add()
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls.context)) }
                    let decoder = context.makeDecoder()
                    try pipeline.addHandler(ByteToMessageHandler(decoder))
                    try pipeline.addHandler(
                        ConnectionHandler(
                            server: context, connections: table.connections(on: channel.eventLoop), decoder: decoder,
                            isRefused: isOneTooMany))
                }
            }
        return try await bootstrap.bind(host: host, port: port).get()
    }
}

/// What all connections of a server share.
struct ServerContext: Sendable {
    /// The timeouts of a connection.
    struct Timeouts: Sendable {
        let idle: Duration
        let head: Duration
        let body: Duration
        let write: Duration
        /// How long to wait for the client to close after the last response.
        let linger = Duration.seconds(1)
    }

    let configuration: HTTPServerConfiguration
    let routes: RouteTable
    let budget: MemoryBudget
    let date = DateField()
    let timeouts: Timeouts
    let logger: Logger
    /// The maximum number of open connections.
    let capacity: Int
    private let descriptors: Int

    init(_ configuration: HTTPServerConfiguration, routes: RouteTable, logger: Logger) {
        self.configuration = configuration
        self.routes = routes
        self.logger = logger
        budget = MemoryBudget(limit: configuration.maximumHeldBytes)
        timeouts = Timeouts(
            idle: configuration.idleTimeout, head: configuration.headTimeout, body: configuration.bodyTimeout,
            write: configuration.writeTimeout)
        descriptors = FileDescriptorLimit.raise()
        // For broker connections, reloaded files, and connections that are accepted to be refused.
        let reserve = min(192, descriptors / 2)
        capacity = min(configuration.maximumConnections, descriptors - reserve)
    }

    func warnOfFewDescriptors() {
        guard capacity < configuration.maximumConnections else { return }
        logger.warning(
            """
            at most \(capacity) connections are served instead of \(configuration.maximumConnections), since the process \
            may open \(descriptors) files; raise the limit (ulimit -n) or lower --max-connections
            """)
    }

    func makeDecoder() -> RequestDecoder {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = configuration.maximumHeaderBytes
        limits.maxHeaderListSize = configuration.maximumHeaderBytes
        limits.maxHeaderFieldCount = 128
        return RequestDecoder(limits: limits)
    }

    func logFailure(_ error: any Error) {
        logger.error("a request failed", metadata: ["error": "\(error)"])
    }
}
