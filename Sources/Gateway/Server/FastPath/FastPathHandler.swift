import HTTPTypes
package import NIOCore
import NIOHTTP1
package import NIOHTTPTypes

/// Serves a connection on its event loop, without a task, for as long as its requests are those of the ``FastPath``: a
/// task for each connection would cost more memory than all the rest of it, and two switches for each request. With the
/// first other request the connection goes to Hummingbird, with all that comes after.
///
/// Requests are answered one after another. What a client sends before its last request is answered is held, and when
/// something is held no more is read.
package final class FastPathHandler: ChannelDuplexHandler {
    package typealias InboundIn = HTTPRequestPart
    package typealias InboundOut = HTTPRequestPart
    package typealias OutboundIn = HTTPResponsePart
    package typealias OutboundOut = HTTPResponsePart
    package typealias TaskChannel = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    /// Serves a connection in a task from now on, and answers with what cancels that task.
    package typealias TakeOver = @Sendable (TaskChannel) -> @Sendable () -> Void

    private enum State {
        case idle
        /// A request that is not all there, and what is wrong with it. That is said when the request ends, or else when no
        /// more of it comes at once.
        case reading(Current, refusal: GatewayError?)
        /// A request whose answer is under way.
        case waiting(Current, Exchange.Ticket, Question)
        /// No further request is answered: the connection closes.
        case closing
        /// Hummingbird's.
        case handedOver(cancel: @Sendable () -> Void)
    }

    /// The request that is being served.
    private struct Current {
        let route: FastPath.Route
        let head: HTTPRequest
        let start: MonotonicTime
    }

    private let fastPath: FastPath
    private let takeOver: TakeOver
    private var state = State.idle
    /// What there is of the body of the request that is being read. Not in `state`, so that it grows in place.
    private var body = ByteBuffer()
    /// Requests sent before the last one was answered.
    // Most connections never hold one, so that room for more would only cost each of them memory.
    private var held = CircularBuffer<HTTPRequestPart>(initialCapacity: 1)
    private var isReleasing = false
    private var isReadWithheld = false
    /// What was wrong with what came after the requests held.
    private var parserError: HTTPParserError?
    /// Tells the result of the request that waits from that of one that was given up.
    private var questions: UInt64 = 0
    private var context: ChannelHandlerContext?

    package init(fastPath: FastPath, takeOver: @escaping TakeOver) {
        self.fastPath = fastPath
        self.takeOver = takeOver
    }

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        giveUp()
    }

    // MARK: Requests

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .handedOver = state { return context.fireChannelRead(data) }
        let part = unwrapInboundIn(data)
        if isBusy(context) || !held.isEmpty {
            held.append(part)
        } else {
            take(part, context)
        }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        if case .reading(let current, let refusal?) = state, held.isEmpty {
            // The rest may take its time, or never come. The guard closes the connection.
            state = .closing
            respond(WholeResponse(problem: refusal), to: current, context)
        }
        context.fireChannelReadComplete()
    }

    package func read(context: ChannelHandlerContext) {
        if case .handedOver = state { return context.read() }
        if held.isEmpty { context.read() } else { isReadWithheld = true }
    }

    private func isBusy(_ context: ChannelHandlerContext) -> Bool {
        switch state {
        case .waiting: true
        case .handedOver: false
        case .idle, .reading, .closing: !context.channel.isWritable
        }
    }

    private func take(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
        switch (state, part) {
        case (.idle, .head(let head)):
            guard let route = fastPath.route(for: head) else { return handOver(part, context) }
            let current = Current(route: route, head: head, start: .now)
            do throws(GatewayError) {
                try route.frame.admit(head)
                try route.handler.check(head, maximumBodyBytes: maximumBodyBytes)
                state = .reading(current, refusal: nil)
            } catch {
                state = .reading(current, refusal: error)
            }
        case (.reading(let current, refusal: nil), .body(let bytes)):
            if current.route.handler.contentTypes != nil { add(bytes, to: current) }
        case (.reading(let current, let refusal), .end):
            state = .idle
            if let refusal {
                respond(WholeResponse(problem: refusal), to: current, context)
            } else {
                ask(current, context)
            }
            release(context)
        case (.handedOver, _):
            context.fireChannelRead(wrapInboundOut(part))
        default:
            break
        }
    }

    private var maximumBodyBytes: Int { fastPath.core.configuration.maximumBodyBytes }

    private func add(_ bytes: ByteBuffer, to current: Current) {
        if body.readableBytes + bytes.readableBytes > maximumBodyBytes {
            state = .reading(current, refusal: .bodyTooLarge(maximumBodyBytes))
            body = ByteBuffer()
        } else if body.readableBytes == 0 {
            body = bytes
        } else {
            body.writeImmutableBuffer(bytes)
        }
    }

    /// Takes up again what was held, as far as it goes.
    private func release(_ context: ChannelHandlerContext) {
        if isReleasing { return }
        isReleasing = true
        var isHandedOn = false
        while !isBusy(context), let part = held.popFirst() {
            take(part, context)
            if case .handedOver = state { isHandedOn = true }
        }
        isReleasing = false
        if isHandedOn { context.fireChannelReadComplete() }
        if let parserError, held.isEmpty, !isBusy(context) {
            switch state {
            case .idle, .reading: refuse(context)
            case .handedOver: context.fireErrorCaught(parserError)
            case .waiting, .closing: break
            }
        }
        if isReadWithheld, held.isEmpty {
            isReadWithheld = false
            context.read()
        }
    }

    private func handOver(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
        do {
            let channel = try TaskChannel(
                wrappingChannelSynchronously: context.channel, configuration: .init(isOutboundHalfClosureEnabled: true))
            state = .handedOver(cancel: takeOver(channel))
            context.fireChannelRead(wrapInboundOut(part))
        } catch {
            context.close(promise: nil)
        }
    }

    // MARK: Answers

    private func ask(_ current: Current, _ context: ChannelHandlerContext) {
        let request = WholeRequest(head: current.head, body: body, start: current.start)
        body = ByteBuffer()
        do throws(GatewayError) {
            let question = try current.route.handler.question(request)
            switch try begin(question.sentences, for: current.head, context) {
            case .waiting(let ticket): state = .waiting(current, ticket, question)
            case .finished(let result): respond(question.answer(to: result), to: current, context)
            }
        } catch {
            respond(WholeResponse(problem: error), to: current, context)
        }
    }

    private func begin(
        _ sentences: [Sentence], for head: HTTPRequest, _ context: ChannelHandlerContext
    ) throws(GatewayError) -> Exchange.Beginning {
        questions += 1
        let number = questions
        let eventLoop = context.eventLoop
        let handler = NIOLoopBound(self, eventLoop: eventLoop)
        return try fastPath.core.begin(sentences, for: head) { result in
            eventLoop.execute { handler.value.answer(number, result) }
        }
    }

    private func answer(_ number: UInt64, _ result: CallResult) {
        guard number == questions, let context, case .waiting(let current, _, let question) = state else { return }
        state = .idle
        respond(question.answer(to: result), to: current, context)
        release(context)
    }

    private func respond(_ response: WholeResponse, to current: Current, _ context: ChannelHandlerContext) {
        var headers = response.headers
        current.route.frame.finish(response.status, &headers, to: current.head, start: current.start)
        headers[.contentLength] = String(response.body.readableBytes)
        headers[.date] = fastPath.date.value
        context.write(
            wrapOutboundOut(.head(HTTPResponse(status: response.status, headerFields: headers))), promise: nil)
        context.write(wrapOutboundOut(.body(response.body)), promise: nil)
        if current.head.headerFields[.connection]?.lowercased() == "close" {
            endAndClose(context)
        } else {
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }

    private func endAndClose(_ context: ChannelHandlerContext) {
        state = .closing
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { release(context) }
        context.fireChannelWritabilityChanged()
    }

    // MARK: The end

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The client has closed its side. Whoever waits for an answer is gone, as other servers see it too.
        if let event = event as? ChannelEvent, event == .inputClosed {
            if case .handedOver(let cancel) = state {
                cancel()
            } else {
                giveUp()
                let channel = context.channel
                context.close(mode: .output).whenComplete { _ in channel.close(promise: nil) }
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .handedOver = state {
            context.fireErrorCaught(error)
        } else if let error = error as? HTTPParserError {
            parserError = error
            release(context)
        } else {
            context.close(promise: nil)
        }
    }

    /// Says that the client does not speak HTTP, and closes.
    private func refuse(_ context: ChannelHandlerContext) {
        let head = HTTPResponse(status: .badRequest, headerFields: [.connection: "close", .contentLength: "0"])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        endAndClose(context)
    }

    /// Nobody is left to answer to.
    private func giveUp() {
        switch state {
        case .waiting(_, let ticket, _): fastPath.core.exchange.cancel(ticket)
        case .handedOver(let cancel): cancel()
        default: break
        }
        state = .closing
        held.removeAll()
    }
}
