import Hummingbird
package import HummingbirdCore
package import Logging
package import NIOCore
import NIOHTTPTypes
import Synchronization

/// Hummingbird's HTTP/1 connection with the ``ConnectionGuard`` in it. All of a connection's code runs on its own event
/// loop, so that a request costs no change of threads but the one to Kafka and back; and when the client hangs up, the
/// task that works for it is cancelled.
package struct GatewayChannel: ServerChildChannel, HTTPChannelHandler {
    package struct Value: ServerChildChannelValue {
        let base: HTTP1Channel.Value
        let hungUp: EventLoopFuture<Void>

        package var channel: any Channel { base.channel }
    }

    private static let readBuffers = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 512, maximum: 65_536)

    private let base: HTTP1Channel
    private let limits: ConnectionGuard.Limits
    private let executors: EventLoopExecutors

    package var responder: HTTPChannelHandler.Responder { base.responder }

    package init(configuration: GatewayConfiguration, executors: EventLoopExecutors, responder: @escaping Responder) {
        let bytes = configuration.maximumHeaderBytes
        self.base = HTTP1Channel(
            responder: responder,
            configuration: .init(
                idleTimeout: TimeAmount(configuration.idleTimeout),
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: bytes, maxHeaderListSize: bytes, maxHeaderFieldCount: 128)))
        self.limits = ConnectionGuard.Limits(
            head: TimeAmount(configuration.headTimeout), body: TimeAmount(configuration.bodyTimeout),
            write: TimeAmount(configuration.writeTimeout), stream: StreamRoute.path)
        self.executors = executors
    }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let hungUp = channel.eventLoop.makePromise(of: Void.self)
        let limits = limits
        return base.setup(channel: channel, logger: logger).flatMapThrowing { base in
            let pipeline = channel.pipeline.syncOperations
            // Most requests are smaller than NIO's first guess of 2 KiB, which each connection would keep while it waits.
            try channel.syncOptions?.setOption(.recvAllocator, value: Self.readBuffers)
            let next = try pipeline.handler(type: HTTPConnectionStateHandler.self)
            try pipeline.addHandler(ConnectionGuard(limits: limits, hungUp: hungUp), position: .before(next))
            return Value(base: base, hungUp: hungUp.futureResult)
        }.flatMapErrorThrowing { error in
            hungUp.fail(error)
            throw error
        }
    }

    package func handle(value: Value, logger: Logger) async {
        let connection = ConnectionTask()
        value.hungUp.whenComplete { _ in connection.cancel() }
        await withTaskExecutorPreference(executors[value.channel.eventLoop]) {
            await connection.run { await base.handle(value: value.base, logger: logger) }
        }
    }
}

/// The task that serves a connection, for whoever notices that the client has hung up. Another task just to be cancelled
/// would cost some kilobytes for each connection.
private final class ConnectionTask: Sendable {
    /// `UnsafeCurrentTask` may be cancelled from any thread as long as the task lives; it lives while `run` does, and the
    /// lock lets nobody use it after.
    private struct Handle: @unchecked Sendable {
        var task: UnsafeCurrentTask?
        var isCancelled = false
    }

    private let handle = Mutex(Handle())

    func run(_ body: () async -> Void) async {
        withUnsafeCurrentTask { task in
            let isCancelled = handle.withLock { handle in
                handle.task = task
                return handle.isCancelled
            }
            if isCancelled { task?.cancel() }
        }
        await body()
        handle.withLock { $0.task = nil }
    }

    func cancel() {
        handle.withLock { handle in
            handle.isCancelled = true
            handle.task?.cancel()
        }
    }
}
