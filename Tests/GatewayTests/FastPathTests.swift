import Gateway
import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Synchronization
import Testing

/// The handler that answers without a task, on a connection in memory: what it writes, and in which order.
@Suite struct FastPathTests {
    private let gateway: TestGateway
    private let channel = EmbeddedChannel()
    private let reads = ReadCounter()

    init() throws {
        gateway = TestGateway(workers: InMemoryWorkers(answer: nil)) { $0.maximumBodyBytes = 64 }
        let handler = FastPathHandler(fastPath: FastPath(core: gateway.core, date: DateField())) { _ in
            Issue.record("these requests need no task")
            return {}
        }
        try channel.pipeline.syncOperations.addHandlers([reads, handler])
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/in-memory")).wait()
    }

    private func send(_ parts: HTTPRequestPart...) {
        for part in parts { channel.pipeline.fireChannelRead(part) }
        channel.pipeline.fireChannelReadComplete()
    }

    private func ask(_ sentence: String, _ headers: HTTPFields = [:]) {
        send(
            .head(
                HTTPRequest(
                    method: .get, scheme: "http", authority: "x", path: "/api/intent?sentence=\(sentence)",
                    headerFields: headers)), .end(nil))
    }

    private func head(of type: String) -> HTTPRequestPart {
        .head(
            HTTPRequest(
                method: .post, scheme: "http", authority: "x", path: "/v1/classify",
                headerFields: [.contentType: type]))
    }

    /// Lets the workers answer the newest record.
    private func answer() throws {
        let request = try #require(gateway.workers.requests.last)
        gateway.exchange.receive([.classification(of: request)])
        channel.embeddedEventLoop.run()
    }

    /// The statuses of the responses written so far; each must be whole.
    private func statuses() throws -> [Int] {
        var statuses: [Int] = []
        while case .head(let head)? = try channel.readOutbound(as: HTTPResponsePart.self) {
            statuses.append(head.status.code)
            guard case .body? = try channel.readOutbound(as: HTTPResponsePart.self),
                case .end? = try channel.readOutbound(as: HTTPResponsePart.self)
            else {
                Issue.record("a response is not whole")
                break
            }
        }
        return statuses
    }

    @Test func `requests that come in one go are asked and answered one after another`() throws {
        ask("a")
        ask("b")
        ask("c")
        for count in 1...3 {
            #expect(gateway.workers.requests.count == count)
            #expect(try statuses() == [])
            try answer()
            #expect(try statuses() == [200])
        }
    }

    @Test func `nothing more is read while a request is held, and reading goes on after`() throws {
        ask("a")
        channel.read()
        #expect(reads.count == 1, "a client that hangs up is noticed only by reading")
        ask("b")
        channel.read()
        #expect(reads.count == 1)
        try answer()
        #expect(reads.count == 2)
    }

    @Test func `a client that does not read its answers is asked for no further request`() throws {
        ask("a")
        channel.isWritable = false
        try answer()
        ask("b")
        #expect(gateway.workers.requests.count == 1)
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        #expect(gateway.workers.requests.count == 2)
        try answer()
        #expect(try statuses() == [200, 200])
    }

    @Test func `a request that is wrong is refused when it ends, and the connection goes on`() throws {
        send(head(of: "text/plain"), .body(ByteBuffer(string: "x")), .end(nil))
        #expect(try statuses() == [415])
        ask("a")
        try answer()
        #expect(try statuses() == [200])
    }

    @Test func `a request that is wrong is refused at once when the rest of it does not come`() throws {
        send(head(of: "text/plain"))
        #expect(try statuses() == [415])
        send(.body(ByteBuffer(string: "x")), .end(nil))
        #expect(try statuses() == [])
    }

    @Test func `a request that is wrong waits for its turn like any other`() throws {
        channel.pipeline.fireChannelRead(head(of: "text/plain"))
        channel.isWritable = false
        send(.body(ByteBuffer(string: "x")), .end(nil))
        #expect(try statuses() == [])
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        #expect(try statuses() == [415])
        ask("a")
        try answer()
        #expect(try statuses() == [200])
    }

    @Test func `a body in pieces is put together, and one that grows too large is refused`() throws {
        send(head(of: "application/json"), .body(ByteBuffer(string: "{\"text\":")))
        send(.body(ByteBuffer(string: "\"a\"")))
        send(.body(ByteBuffer(string: "}")), .end(nil))
        try answer()
        #expect(try statuses() == [200])
        send(head(of: "application/json"), .body(ByteBuffer(repeating: UInt8(ascii: " "), count: 40)))
        #expect(try statuses() == [])
        send(.body(ByteBuffer(repeating: UInt8(ascii: " "), count: 40)))
        #expect(try statuses() == [413])
    }

    @Test func `a client that closes its side gives its place back, and its answer is dropped`() throws {
        ask("a")
        #expect(gateway.exchange.snapshot.waiting == 1)
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(gateway.exchange.snapshot.waiting == 0)
        #expect(gateway.exchange.snapshot.counts.cancelled == 1)
        try answer()
        #expect(try statuses() == [])
    }

    @Test func `a connection that breaks gives its place back`() throws {
        ask("a")
        _ = try channel.finish(acceptAlreadyClosed: true)
        channel.embeddedEventLoop.run()
        #expect(gateway.exchange.snapshot.waiting == 0)
    }

    @Test func `the connection closes after the answer when the client wants it so`() throws {
        ask("a", [.connection: "Close"])
        try answer()
        channel.embeddedEventLoop.run()
        #expect(try statuses() == [200])
        #expect(!channel.isActive)
    }
}

/// Counts how often more was asked for.
private final class ReadCounter: ChannelOutboundHandler {
    typealias OutboundIn = Never

    private(set) var count = 0

    func read(context: ChannelHandlerContext) {
        count += 1
        context.read()
    }
}
