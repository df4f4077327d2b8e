import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTPTypes

/// Watches one connection for clients that cost more than they should: those that take too long to send a request or to
/// read the response. It stands between the HTTP codec and the application, on the event loop.
final class ConnectionGuard: ChannelDuplexHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// How long a client may take for what, and what comes of it.
    struct Limits: Sendable {
        let head: TimeAmount
        let body: TimeAmount
        let write: TimeAmount
        /// How long to read on after an early response, so that the client gets to see it.
        let linger = TimeAmount.seconds(1)
        /// The path whose bodies have no end, and whose route watches over them itself.
        let stream: String
    }

    /// Where the request that is being read stands.
    private enum Reading {
        case nothing
        case head
        case body
        /// The response is out before the request was in: what still comes is thrown away.
        case discarding
    }

    private let limits: Limits
    private var reading = Reading.nothing
    /// Whether the request that is being read is a stream, whose answer begins before its body has ended.
    private var isStream = false
    /// Whether the response that is being written has told the client that the connection closes after it.
    private var saysClose = false
    private var readDeadline: Scheduled<Void>?
    private var writeDeadline: Scheduled<Void>?
    /// Requests read or being read whose response is not out yet.
    private var unanswered = 0

    init(limits: Limits) {
        self.limits = limits
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .discarding = reading { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            unanswered += 1
            reading = .body
            readDeadline?.cancel()
            readDeadline = nil
            isStream = (head.path ?? "").hasPrefix(limits.stream)
            if !isStream { armRead(context, limits.body) }
            if head.headerFields[.expect]?.lowercased() == "100-continue" {
                let response = HTTPResponse(status: .continue)
                context.writeAndFlush(wrapOutboundOut(.head(response)), promise: nil)
            }
        case .body:
            break
        case .end:
            reading = .nothing
            readDeadline?.cancel()
            readDeadline = nil
        }
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Bytes came and no request did: they are the beginning of one, or of a TLS handshake.
        if case .nothing = reading, unanswered == 0 {
            reading = .head
            armRead(context, limits.head)
        }
        context.fireChannelReadComplete()
    }

    // MARK: Writing

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head) where isEarly(head):
            // So that the client sends no other request on this connection (RFC 9112, 9.6).
            head.headerFields[.connection] = "close"
            saysClose = true
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .head, .body:
            context.write(data, promise: promise)
        case .end:
            unanswered -= 1
            if reading == .body || saysClose {
                writeEndAndClose(context, data, promise)
            } else {
                context.write(data, promise: promise)
            }
        }
    }

    /// Whether a response says all there is to say to a request of which not all is there.
    private func isEarly(_ head: HTTPResponse) -> Bool {
        reading == .body && head.status.kind != .informational && !(isStream && head.status.kind == .successful)
    }

    /// Ends the answer to a request that is not all there, such as one that is too large: reads on for a moment (a
    /// connection closed with unread bytes is reset, and the client never sees the answer), and closes.
    private func writeEndAndClose(_ context: ChannelHandlerContext, _ data: NIOAny, _ promise: EventLoopPromise<Void>?)
    {
        reading = .discarding
        readDeadline?.cancel()
        context.writeAndFlush(data, promise: promise)
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        readDeadline = context.eventLoop.scheduleTask(in: limits.linger) { channel.close(promise: nil) }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        writeDeadline?.cancel()
        writeDeadline = nil
        if !context.channel.isWritable {
            let channel = context.channel
            writeDeadline = context.eventLoop.scheduleTask(in: limits.write) { channel.close(promise: nil) }
        }
        context.fireChannelWritabilityChanged()
    }

    // MARK: The end

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
    }

    private func end() {
        readDeadline?.cancel()
        writeDeadline?.cancel()
        readDeadline = nil
        writeDeadline = nil
    }

    private func armRead(_ context: ChannelHandlerContext, _ time: TimeAmount) {
        let channel = context.channel
        readDeadline = context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
    }
}
