package import NIOCore
import NIOPosix

/// A client that sends what it likes, byte by byte if it wants.
package enum RawConnection {
    /// Connects, lends the connection and what arrives on it, and closes.
    package static func open<Result: Sendable>(
        port: Int,
        _ body:
            @Sendable (NIOAsyncChannelInboundStream<ByteBuffer>, NIOAsyncChannelOutboundWriter<ByteBuffer>) async throws
            -> Result
    ) async throws -> Result {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose(body)
    }

    /// Everything that comes until the server closes.
    package static func readToEnd(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>) async -> String {
        // Decoded at the end: a part may begin or end within a character.
        var bytes = ByteBuffer()
        do {
            for try await part in inbound { bytes.writeImmutableBuffer(part) }
        } catch {
            // A connection that is reset has ended too.
        }
        return String(buffer: bytes)
    }
}
