import NIOCore
import NIOHTTP1
import NIOTLS
import Platform

/// Serves one connection on its event loop: reads requests, routes them, writes responses, and decides when to close.
///
/// Requests are answered one at a time. Pipelined requests are buffered, and while any are buffered, reading stops.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Bodies up to this size are copied behind the head, which is cheaper than a second buffer.
    private static let copied = 4_096
    /// Larger bodies are written in pieces, so that a slow client keeps little in memory.
    private static let piece = 65_536
    /// What a stream is charged in the memory budget: its window and its buffers.
    private static let streamBytes = 262_144

    enum State {
        /// Between two requests.
        case idle
        /// The body is incomplete.
        case reading(Current)
        /// The request is refused but its body is incomplete. Responding now would mean closing the connection, so the
        /// response is sent when the body ends, or when the current read completes without the end.
        case refusing(Current, Problem)
        /// The response is pending.
        case waiting(Current, cancel: @Sendable () -> Void)
        /// The response is partly written.
        case writing(Current, rest: ByteBuffer, isEarly: Bool)
        /// A task answers the request.
        case streaming(Current, Stream)
        /// The last response is written. Further input is discarded, because closing with unread bytes would reset the
        /// connection, and the client might lose the response.
        case lingering
        case closed
    }

    /// The current request.
    struct Current {
        var request: Request
        let route: Route?
        let rules: RequestRules
    }

    /// A request answered by a task.
    final class Stream {
        let source: RequestBody.Source.Source
        var task: Task<Void, Never>?
        var hasInputEnded = false
        var hasResponseBegun = false
        var hasResponseEnded = false
        /// Resumed when the connection is writable again.
        var writer: ResponseWriter.Continuation?
        /// Back-pressure: reading stops until the task has consumed the buffered body.
        var isPaused = false

        init(source: RequestBody.Source.Source) {
            self.source = source
        }
    }

    private let server: ServerContext
    private let connections: LoopConnections
    private let isRefused: Bool
    private let decoder: RequestDecoder
    private var state = State.idle
    private var context: ChannelHandlerContext?

    /// The body read so far. Kept outside `state` so that it can grow in place.
    private var body = ByteBuffer()
    private var decompressor: Decompressor?
    /// The part of the memory budget that this connection uses, for its body or its unwritten response.
    private var charged = 0

    /// Pipelined requests, received before the previous one was answered.
    // Most connections never pipeline, so a larger buffer would only waste memory.
    private var held = CircularBuffer<HTTPServerRequestPart>(initialCapacity: 1)
    private var heldBytes = 0
    private var isReleasing = false
    private var isReadWithheld = false
    /// A parse error in the input after the buffered requests.
    private var parserError: HTTPParserError?
    /// Identifies the current request, so that late responses to an abandoned one are dropped.
    private var number: UInt64 = 0

    /// Whether the current read produced a part of a request.
    private var hasReadPart = false
    private var parserStops = false
    private var isInputClosed = false
    private var isOutputClosed = false
    private var isQuiescing = false
    /// When the connection is closed unless there is progress.
    private var readDeadline = MonotonicTime.distantFuture
    private var writeDeadline = MonotonicTime.distantFuture

    /// - Parameter isRefused: the connection is above the limit; its first request is answered with 503.
    init(server: ServerContext, connections: LoopConnections, decoder: RequestDecoder, isRefused: Bool) {
        self.server = server
        self.connections = connections
        self.decoder = decoder
        self.isRefused = isRefused
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        connections.add(self)
        // With TLS, the handshake comes first and has the same timeout as a request's head.
        let isBrief = isRefused || server.configuration.tls != nil
        readDeadline = connections.now.advanced(by: isBrief ? server.timeouts.head : server.timeouts.idle)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        connections.remove(self)
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        hasReadPart = true
        switch part {
        case .head(let head): parserStops = head.stopsParser
        case .end where parserStops:
            parserStops = false
            decoder.goOn()
        case .body, .end: break
        }
        switch state {
        case .lingering, .closed: break
        default:
            if isBusy(context) || !held.isEmpty { hold(part) } else { take(part, context) }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .refusing(let current, let problem) = state, held.isEmpty {
            // The rest may be slow or never arrive.
            respond(Response(problem), to: current, isEarly: true, context)
        } else if case .idle = state, !hasReadPart {
            // The bytes are an incomplete head.
            if readDeadline > connections.now.advanced(by: server.timeouts.head) {
                readDeadline = connections.now.advanced(by: server.timeouts.head)
            }
        }
        hasReadPart = false
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if case .streaming(_, let stream) = state, stream.isPaused {
            isReadWithheld = true
        } else if held.isEmpty {
            context.read()
        } else {
            isReadWithheld = true
        }
    }

    private func isBusy(_ context: ChannelHandlerContext) -> Bool {
        switch state {
        case .waiting, .writing: true
        case .streaming(_, let stream): stream.hasInputEnded
        case .idle: !context.channel.isWritable
        case .reading, .refusing, .lingering, .closed: false
        }
    }

    private func hold(_ part: HTTPServerRequestPart) {
        held.append(part)
        // The approximate memory of a head.
        let bytes = if case .body(let bytes) = part { bytes.readableBytes } else { 512 }
        heldBytes += bytes
        server.budget.takeAnyway(bytes)
    }

    /// Processes buffered parts until the connection is busy again.
    private func release(_ context: ChannelHandlerContext) {
        if isReleasing { return }
        isReleasing = true
        while !isBusy(context), let part = held.popFirst() {
            take(part, context)
        }
        isReleasing = false
        if held.isEmpty, heldBytes > 0 {
            server.budget.give(heldBytes)
            heldBytes = 0
        }
        if let error = parserError, held.isEmpty, !isBusy(context) {
            parserError = nil
            refuseUnreadable(error, context)
        }
        if isInputClosed, held.isEmpty, case .idle = state { return linger(context) }
        if isReadWithheld, held.isEmpty {
            isReadWithheld = false
            context.read()
        }
    }

    private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch (state, part) {
        case (.idle, .head(let head)):
            begin(head, context)
        case (.reading(let current), .body(let bytes)):
            if case .withBody = current.route?.kind { add(bytes, to: current, context) }
        case (.reading(let current), .end):
            if let decompressor, !decompressor.isComplete {
                respond(Response(.corruptBody), to: current, isEarly: false, context)
            } else {
                dispatch(current, context)
            }
        case (.refusing(let current, let problem), .end):
            respond(Response(problem), to: current, isEarly: false, context)
        case (.streaming(_, let stream), .body(let bytes)):
            if case .stopProducing = stream.source.yield(contentsOf: CollectionOfOne(bytes)) { stream.isPaused = true }
        case (.streaming(let current, let stream), .end):
            stream.hasInputEnded = true
            stream.isPaused = false
            stream.source.finish()
            if stream.hasResponseEnded { endResponse(to: current, isEarly: false, context) }
        default:
            break
        }
    }

    // MARK: A request

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let start = MonotonicTime.now
        let current: Current
        do throws(Problem) {
            current = try self.current(head, start)
        } catch {
            // The end of this request is unknown, so the following bytes cannot be parsed.
            let request = Request(method: head.method, target: .root, headers: head.headers, start: start)
            let unreadable = Current(request: request, route: nil, rules: .unreadable)
            return respond(Response(error), to: unreadable, isEarly: true, context)
        }
        readDeadline = start.advanced(by: server.timeouts.body)
        if isRefused { return respond(Response(.tooManyConnections), to: current, isEarly: true, context) }
        do throws(Problem) {
            try admit(current)
        } catch {
            // The client waits for `100 Continue`, so the refusal is sent at once and the body is not read.
            if current.rules.expectsContinue { return respond(Response(error), to: current, isEarly: true, context) }
            state = .refusing(current, error)
            return
        }
        if current.rules.expectsContinue, held.isEmpty {
            var interim = context.channel.allocator.buffer(capacity: 32)
            interim.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
            context.writeAndFlush(wrapOutboundOut(interim), promise: nil)
        }
        if case .stream(let handler) = current.route?.kind {
            stream(current, handler, context)
        } else {
            state = .reading(current)
        }
    }

    /// The request with its route, if any.
    private func current(_ head: HTTPRequestHead, _ start: MonotonicTime) throws(Problem) -> Current {
        let rules = try RequestRules(head)
        guard let target = RequestTarget(head.uri) else {
            throw .malformed("the request's target is neither a path nor a URL")
        }
        var request = Request(method: head.method, target: target, headers: head.headers, start: start)
        guard case .route(let route, let parameters) = server.routes.match(head.method, target.path) else {
            return Current(request: request, route: nil, rules: rules)
        }
        request.parameters = parameters
        return Current(request: request, route: route, rules: rules)
    }

    /// Checks what the head alone can be refused for.
    private func admit(_ current: Current) throws(Problem) {
        guard let route = current.route else {
            // `OPTIONS` is answered after the request has been read, like any other.
            if case .otherMethod(let allowed) = server.routes.match(current.request.method, current.request.path) {
                if current.request.method == .OPTIONS { return }
                throw .methodNotAllowed(allowed)
            }
            throw .notFound
        }
        try route.admit(current.request)
        if !server.budget.hasRoom { throw .noMemory }
        decompressor = nil
        switch route.kind {
        case .withoutBody: break
        case .withBody:
            if let coding = try coding(of: current.request) { decompressor = Decompressor(coding) }
            if let length = current.rules.contentLength, length > server.configuration.maximumBodyBytes {
                throw .bodyTooLarge(server.configuration.maximumBodyBytes)
            }
        case .stream:
            _ = try coding(of: current.request)
            guard server.budget.take(Self.streamBytes, total: Self.streamBytes) else { throw .noMemory }
            charged += Self.streamBytes
        }
    }

    private func coding(of request: Request) throws(Problem) -> ContentCoding? {
        guard request.headers.contains(name: "content-encoding") else { return nil }
        return try ContentCoding.ofBody(request.headers["content-encoding"].flatMap(\.listElements))
    }

    private func add(_ bytes: ByteBuffer, to current: Current, _ context: ChannelHandlerContext) {
        do throws(Problem) {
            try add(bytes)
        } catch {
            body = ByteBuffer()
            giveBack()
            state = .refusing(current, error)
        }
    }

    private func add(_ bytes: ByteBuffer) throws(Problem) {
        let limit = server.configuration.maximumBodyBytes
        if let decompressor {
            var bytes = bytes
            while bytes.readableBytes > 0 {
                let before = body.readableBytes
                do throws(Decompressor.Failure) {
                    // One byte over the limit is enough to detect a body that is too large.
                    try decompressor.decompress(&bytes, into: &body, most: min(Self.piece, limit + 1 - before))
                } catch {
                    throw .corruptBody
                }
                if body.readableBytes > limit { throw .bodyTooLarge(limit) }
                try charge(body.readableBytes - before)
            }
            return
        }
        guard body.readableBytes + bytes.readableBytes <= limit else { throw .bodyTooLarge(limit) }
        try charge(bytes.readableBytes)
        if body.readableBytes == 0 {
            body = bytes
        } else {
            body.writeImmutableBuffer(bytes)
        }
    }

    private func charge(_ count: Int) throws(Problem) {
        guard server.budget.take(count, total: charged + count) else { throw .noMemory }
        charged += count
    }

    private func giveBack() {
        if charged > 0 { server.budget.give(charged) }
        charged = 0
    }

    private func dispatch(_ current: Current, _ context: ChannelHandlerContext) {
        readDeadline = .distantFuture
        decompressor = nil
        let handler: Route.Handler
        var request = current.request
        switch current.route?.kind {
        case .withoutBody(let body): handler = body
        case .withBody(let body):
            handler = body
            request.body = self.body
            self.body = ByteBuffer()
        case .stream, nil:
            return respond(server.routes.options(request), to: current, isEarly: false, context)
        }
        number += 1
        switch handler(request, Completion(self, number: number, on: context.eventLoop)) {
        case .response(let response): respond(response, to: current, isEarly: false, context)
        case .pending(let cancel): state = .waiting(current, cancel: cancel)
        }
    }

    /// Writes the response to a pending request.
    func complete(_ number: UInt64, _ make: () -> Response) {
        guard number == self.number, let context, case .waiting(let current, _) = state else { return }
        respond(make(), to: current, isEarly: false, context)
    }

    // MARK: Responses

    /// - Parameter isEarly: the request is incomplete, so the connection closes after the response.
    private func respond(
        _ response: Response, to current: Current, isEarly: Bool, _ context: ChannelHandlerContext
    ) {
        var response = response
        finish(&response, to: current)
        let hasBody = current.request.method != .HEAD && !response.status.isWithoutBody
        var isEarly = isEarly
        if isInputClosed, held.isEmpty { isEarly = true }
        let inline = hasBody && response.body.readableBytes <= Self.copied ? response.body.readableBytes : 0
        var buffer = context.channel.allocator.buffer(capacity: 320 + inline)
        ResponseHead.write(
            response.status, response.headers,
            framing: response.status.isWithoutBody ? .none : .length(response.body.readableBytes),
            persistence: persistence(current, isEarly: isEarly), date: server.date.value, isSecure: isSecure,
            into: &buffer)
        giveBack()
        if hasBody, inline == 0, response.body.readableBytes > 0 {
            context.write(wrapOutboundOut(buffer), promise: nil)
            if !response.isShared {
                charged = response.body.readableBytes
                server.budget.takeAnyway(charged)
            }
            state = .writing(current, rest: response.body, isEarly: isEarly)
            writeOn(context)
        } else {
            if inline > 0 { buffer.writeImmutableBuffer(response.body) }
            context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
            endResponse(to: current, isEarly: isEarly, context)
        }
    }

    private func finish(_ response: inout Response, to current: Current) {
        if let route = current.route {
            route.finish(current.request, &response)
        } else {
            server.routes.finish(current.request, &response)
        }
        response.compress(for: current.request)
    }

    private var isSecure: Bool { server.configuration.tls != nil }

    private func persistence(_ current: Current, isEarly: Bool) -> ResponseHead.Persistence {
        if isEarly || isQuiescing || !current.rules.isPersistent { return .close }
        return current.rules.isOldKeepAlive ? .keepAlive : .usual
    }

    /// Writes a large body for as long as the connection is writable.
    private func writeOn(_ context: ChannelHandlerContext) {
        // Flushing may change the state: it calls ``channelWritabilityChanged(context:)`` and may close the connection.
        while context.channel.isWritable, case .writing(let current, var rest, let isEarly) = state,
            rest.readableBytes > 0, let piece = rest.readSlice(length: min(rest.readableBytes, Self.piece))
        {
            // Set before flushing, so that nothing is written twice.
            state = .writing(current, rest: rest, isEarly: isEarly)
            guard rest.readableBytes > 0 else {
                giveBack()
                context.writeAndFlush(wrapOutboundOut(piece), promise: nil)
                return endResponse(to: current, isEarly: isEarly, context)
            }
            context.writeAndFlush(wrapOutboundOut(piece), promise: nil)
        }
    }

    /// The response is written: starts the next request, or closes the connection.
    private func endResponse(to current: Current, isEarly: Bool, _ context: ChannelHandlerContext) {
        if case .closed = state { return }
        body = ByteBuffer()
        decompressor = nil
        giveBack()
        if isEarly || isQuiescing || !current.rules.isPersistent { return linger(context) }
        state = .idle
        readDeadline = connections.now.advanced(by: server.timeouts.idle)
        release(context)
    }

    /// Half-closes the connection after the last response and waits briefly for the client to close.
    private func linger(_ context: ChannelHandlerContext) {
        state = .lingering
        held.removeAll()
        parserError = nil
        // Data that is too little to make the connection unwritable is not covered by the write timeout.
        readDeadline = connections.now.advanced(by: server.timeouts.write)
        let handler = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in
            let (handler, context) = handler.value
            handler.endOutput(context)
        }
        if isReadWithheld {
            isReadWithheld = false
            context.read()
        }
    }

    /// All data has been written.
    private func endOutput(_ context: ChannelHandlerContext) {
        guard case .lingering = state else { return }
        if isInputClosed { return close(context) }
        isOutputClosed = true
        readDeadline = connections.now.advanced(by: server.timeouts.linger)
        context.close(mode: .output, promise: nil)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            writeDeadline = .distantFuture
            writeOn(context)
            if case .streaming(_, let stream) = state { stream.writer.take()?.resume() }
            release(context)
        } else {
            writeDeadline = connections.now.advanced(by: server.timeouts.write)
        }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Streams

    private func stream(_ current: Current, _ handler: @escaping Route.StreamHandler, _ context: ChannelHandlerContext)
    {
        readDeadline = .distantFuture
        number += 1
        let eventLoop = context.eventLoop
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let sequence = RequestBody.Source.makeSequence(
            elementType: ByteBuffer.self, failureType: (any Error).self,
            backPressureStrategy: .init(lowWatermark: 1, highWatermark: 2), finishOnDeinit: true,
            delegate: RequestBodyDelegate(eventLoop: eventLoop, handler: bound))
        let stream = Stream(source: sequence.source)
        state = .streaming(current, stream)
        let coding = (try? coding(of: current.request)) ?? nil
        let body = RequestBody(pieces: sequence.sequence, coding: coding)
        let writer = ResponseWriter(eventLoop: eventLoop, handler: bound, number: number)
        let (request, server) = (current.request, server)
        stream.task = Task(executorPreference: connections.executor) {
            do {
                try await handler(request, body, writer)
                try await writer.finish()
            } catch let problem as Problem {
                writer.fail(problem)
            } catch {
                if !(error is CancellationError), !(error is ConnectionClosed) { server.logFailure(error) }
                writer.fail(.failed)
            }
        }
    }

    /// The task has consumed the buffered body.
    func readMore() {
        guard let context, case .streaming(_, let stream) = state, stream.isPaused else { return }
        stream.isPaused = false
        if isReadWithheld {
            isReadWithheld = false
            context.read()
        }
    }

    private func withStream(
        _ number: UInt64, _ continuation: ResponseWriter.Continuation,
        _ body: (ChannelHandlerContext, Current, Stream) -> Void
    ) {
        guard number == self.number, let context, case .streaming(let current, let stream) = state,
            !stream.hasResponseEnded
        else { return continuation.resume(throwing: ConnectionClosed()) }
        body(context, current, stream)
    }

    func beginStream(_ response: Response, _ number: UInt64, _ continuation: ResponseWriter.Continuation) {
        withStream(number, continuation) { context, current, stream in
            var response = response
            stream.hasResponseBegun = true
            if let route = current.route { route.finish(current.request, &response) }
            var buffer = context.channel.allocator.buffer(capacity: 320)
            ResponseHead.write(
                response.status, response.headers, framing: current.rules.isCurrent ? .chunked : .none,
                persistence: persistence(current, isEarly: !current.rules.isCurrent), date: server.date.value,
                isSecure: isSecure, into: &buffer)
            context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
            continuation.resume()
        }
    }

    func writeToStream(_ bytes: ByteBuffer, _ number: UInt64, _ continuation: ResponseWriter.Continuation) {
        withStream(number, continuation) { context, current, stream in
            if current.rules.isCurrent {
                var chunk = context.channel.allocator.buffer(capacity: bytes.readableBytes + 16)
                chunk.writeString(String(bytes.readableBytes, radix: 16))
                chunk.writeStaticString("\r\n")
                chunk.writeImmutableBuffer(bytes)
                chunk.writeStaticString("\r\n")
                context.writeAndFlush(wrapOutboundOut(chunk), promise: nil)
            } else {
                context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
            }
            if case .streaming = state {
                if context.channel.isWritable { continuation.resume() } else { stream.writer = continuation }
            } else {
                continuation.resume(throwing: ConnectionClosed())
            }
        }
    }

    func finishStream(_ number: UInt64, _ continuation: ResponseWriter.Continuation) {
        withStream(number, continuation) { context, current, stream in
            stream.hasResponseEnded = true
            if current.rules.isCurrent {
                var end = context.channel.allocator.buffer(capacity: 8)
                end.writeStaticString("0\r\n\r\n")
                context.writeAndFlush(wrapOutboundOut(end), promise: nil)
            }
            continuation.resume()
            if case .streaming = state {
                endResponse(
                    to: current, isEarly: !stream.hasInputEnded || !current.rules.isCurrent || isInputClosed, context)
            }
        }
    }

    func failStream(_ problem: Problem, _ number: UInt64) {
        guard number == self.number, let context, case .streaming(let current, let stream) = state else { return }
        giveUp(stream, of: current, problem, context)
    }

    /// Responds with the problem if no response has begun; otherwise closes the connection.
    private func giveUp(
        _ stream: Stream, of current: Current, _ problem: Problem, _ context: ChannelHandlerContext
    ) {
        if stream.hasResponseBegun { return close(context) }
        stream.source.finish(ConnectionClosed())
        stream.task?.cancel()
        respond(Response(problem), to: current, isEarly: !stream.hasInputEnded, context)
    }

    func abortStream(_ number: UInt64) {
        guard number == self.number, let context, case .streaming = state else { return }
        close(context)
    }

    // MARK: Closing

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            isInputClosed = true
            switch state {
            // The last response may not be fully written.
            case .idle where held.isEmpty && context.channel.isWritable: linger(context)
            case .lingering: if isOutputClosed { close(context) }
            case .reading(let current), .refusing(let current, _):
                respond(Response(.malformed("the body was cut short")), to: current, isEarly: true, context)
            case .streaming(let current, let stream) where !stream.hasInputEnded:
                giveUp(stream, of: current, .malformed("the body was cut short"), context)
            // A half-closed client still gets its response.
            case .idle, .waiting, .writing, .streaming, .closed: break
            }
        } else if let event = event as? TLSUserEvent, case .handshakeCompleted = event, !isRefused {
            readDeadline = connections.now.advanced(by: server.timeouts.idle)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case let error as HTTPParserError:
            switch state {
            case .lingering, .closed: break
            case _ where isBusy(context) || !held.isEmpty: parserError = parserError ?? error
            default: refuseUnreadable(error, context)
            }
        // Follows a parser error, or reports unparsed bytes when the connection ends.
        case is ByteToMessageDecoderError: break
        default: close(context)
        }
    }

    /// Refuses input that is not valid HTTP and closes the connection.
    private func refuseUnreadable(_ error: HTTPParserError, _ context: ChannelHandlerContext) {
        let problem = error.problem
        switch state {
        case .reading(let current), .refusing(let current, _):
            respond(Response(problem), to: current, isEarly: true, context)
        case .streaming(let current, let stream):
            giveUp(stream, of: current, problem, context)
        case .idle:
            let request = Request(method: .GET, target: .root, headers: [:], start: .now)
            respond(
                Response(problem), to: Current(request: request, route: nil, rules: .unreadable), isEarly: true, context
            )
        case .waiting, .writing, .lingering, .closed: break
        }
    }

    private func close(_ context: ChannelHandlerContext) {
        end()
        context.close(promise: nil)
    }

    /// Cancels pending work and releases all memory of the connection.
    private func end() {
        let state = state
        self.state = .closed
        switch state {
        case .waiting(_, let cancel): cancel()
        case .streaming(_, let stream):
            stream.source.finish(ConnectionClosed())
            stream.writer.take()?.resume(throwing: ConnectionClosed())
            stream.task?.cancel()
        default: break
        }
        held.removeAll()
        server.budget.give(heldBytes)
        heldBytes = 0
        body = ByteBuffer()
        decompressor = nil
        giveBack()
        readDeadline = .distantFuture
        writeDeadline = .distantFuture
    }

    // MARK: Called by the server

    /// Closes the connection on a timeout.
    func checkDeadlines(_ now: MonotonicTime) {
        guard let context, now >= readDeadline || now >= writeDeadline else { return }
        if now < writeDeadline {
            switch state {
            case .reading(let current):
                return respond(Response(.bodyTooSlow), to: current, isEarly: true, context)
            case .refusing(let current, let problem):
                return respond(Response(problem), to: current, isEarly: true, context)
            default: break
            }
        }
        close(context)
    }

    /// Closes the connection once the requests in flight are answered.
    func quiesce() {
        guard let context else { return }
        isQuiescing = true
        guard case .idle = state, held.isEmpty else { return }
        // The last response may not be fully written.
        let unwritten = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        if unwritten > 0 { linger(context) } else { close(context) }
    }

    /// Closes the connection immediately.
    func closeNow() {
        if let context { close(context) }
    }
}

extension HTTPResponseStatus {
    /// Whether a response with this status never has a body.
    var isWithoutBody: Bool { self == .noContent || self == .notModified || code < 200 }
}
