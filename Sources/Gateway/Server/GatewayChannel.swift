import Hummingbird
package import HummingbirdCore
package import Logging
package import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// A connection: HTTP/1, watched by the ``ConnectionGuard``, answered by the ``FastPathHandler`` or in a task by
/// Hummingbird. All of its code runs on its own event loop, so that a request costs no change of threads but the one to
/// Kafka and back; and when the client hangs up, whatever works for it is cancelled.
package struct GatewayChannel: ServerChildChannel, HTTPChannelHandler {
    package struct Value: ServerChildChannelValue {
        package let channel: any Channel
    }

    private static let readBuffers = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 512, maximum: 65_536)

    private let fastPath: FastPath
    private let limits: ConnectionGuard.Limits
    private let executors: EventLoopExecutors
    private let connections: OpenConnections
    package let responder: HTTPChannelHandler.Responder

    package init(
        fastPath: FastPath, executors: EventLoopExecutors, connections: OpenConnections, responder: @escaping Responder
    ) {
        let configuration = fastPath.core.configuration
        self.fastPath = fastPath
        self.limits = ConnectionGuard.Limits(
            head: TimeAmount(configuration.headTimeout), body: TimeAmount(configuration.bodyTimeout),
            write: TimeAmount(configuration.writeTimeout), stream: StreamRoute.path)
        self.executors = executors
        self.connections = connections
        self.responder = responder
    }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        connections.add(channel)
        return channel.eventLoop.makeCompletedFuture {
            // Most requests are smaller than NIO's first guess of 2 KiB, which each connection would keep while it waits.
            try channel.syncOptions?.setOption(.recvAllocator, value: Self.readBuffers)
            let configuration = fastPath.core.configuration
            var decoder = NIOHTTPDecoderLimitConfiguration()
            decoder.maxHeaderFieldSize = configuration.maximumHeaderBytes
            decoder.maxHeaderListSize = configuration.maximumHeaderBytes
            decoder.maxHeaderFieldCount = 128
            let pipeline = channel.pipeline.syncOperations
            // The last handlers take requests one by one and answer errors themselves, and the types of responses cannot
            // hold invalid fields.
            try pipeline.configureHTTPServerPipeline(
                withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: false,
                withEncoderConfiguration: .init(), withDecoderLimitConfiguration: decoder)
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
            try pipeline.addHandler(ConnectionGuard(limits: limits))
            try pipeline.addHandler(
                HTTPConnectionStateHandler(idleTimeout: configuration.idleTimeout, logger: logger))
            try pipeline.addHandler(FastPathHandler(fastPath: fastPath, takeOver: { serve($0, logger) }))
            return Value(channel: channel)
        }
    }

    /// Returns at once: a connection needs no task until one of its requests does.
    package func handle(value: Value, logger: Logger) async {}

    private func serve(_ channel: FastPathHandler.TaskChannel, _ logger: Logger) -> @Sendable () -> Void {
        let task = Task(executorPreference: executors[channel.channel.eventLoop]) {
            await handleHTTP(asyncChannel: channel, logger: logger)
        }
        return { task.cancel() }
    }
}
