import Foundation
import HTTPServer
import Logging
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// Where one response ends and the next one begins, and that none is lost, on real connections.
@Suite("Framing", .timeLimit(.minutes(2)))
struct FramingTests {
    private static let routes = RouteTable([
        Route(.GET, "/small", .withoutBody { _, _ in .response(Response(type: "text/plain", text: "small")) }),
        Route(
            .GET, "/bytes/{count}",
            .withoutBody { request, _ in
                let count = request.parameter("count").flatMap { Int($0) } ?? 0
                return .response(Response(type: "text/plain", body: ByteBuffer(repeating: 0x78, count: count)))
            }),
        Route(.POST, "/echo", .withBody { request, _ in .response(Response(type: "text/plain", body: request.body)) }),
    ])

    private func serve(
        _ configure: (inout HTTPServerConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (_ port: Int) throws -> Void
    ) async throws {
        var configuration = HTTPServerConfiguration(name: "test", host: "127.0.0.1", port: 0)
        configure(&configuration)
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let server = HTTPServer(
            configuration, routes: Self.routes, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            onRunning: { port.yield($0) })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await server.run() }
            defer { tasks.cancelAll() }
            for await port in ports {
                try await RawHTTPConnection.onThread { try body(port) }
                break
            }
        }
    }

    private static let small = "GET /small HTTP/1.1\r\nHost: x\r\n"

    /// About as many bytes as a connection takes before it says that it is full: the write that fills it empties it too.
    @Test("writes no piece of a body twice") func writesNoPieceOfABodyTwice() async throws {
        try await serve { port in
            for count in [65_300, 65_400, 65_450, 65_500, 65_535, 65_536, 65_537, 131_000, 131_072] {
                let connection = try RawHTTPConnection(port: port)
                connection.send("GET /bytes/\(count) HTTP/1.1\r\nHost: x\r\n\r\n\(Self.small)Connection: close\r\n\r\n")
                #expect(connection.response()?.body.count == count)
                #expect(connection.response()?.body == Array("small".utf8), "after \(count) bytes")
                #expect(connection.ends() == .closed)
            }
        }
    }

    /// A request that offers another protocol, and one behind it: in one piece, cut at each byte, and with the end of what
    /// the client sends right behind it.
    @Test(
        "answers what comes behind an offer of another protocol",
        arguments: [
            "Connection: Upgrade\r\nUpgrade: h2c\r\n", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n",
            "Upgrade: websocket\r\nConnection: keep-alive, upgrade\r\n",
            "Proxy-Connection: upgrade\r\nUpgrade: h2c\r\n",
        ])
    func answersWhatComesBehindAnOfferOfAnotherProtocol(fields: String) async throws {
        let offer = "POST /echo HTTP/1.1\r\nHost: x\r\n\(fields)Content-Length: 3\r\n\r\nabc"
        let bytes = Array("\(offer)\(Self.small)\(fields)\r\n\(Self.small)Connection: close\r\n\r\n".utf8)
        try await serve { port in
            for cut in bytes.indices {
                let connection = try RawHTTPConnection(port: port)
                connection.send(Array(bytes[..<cut]))
                if cut > 0 { usleep(1_000) }
                connection.send(Array(bytes[cut...]))
                connection.finishSending()
                let bodies = (0..<3).map { _ in connection.response().map { String(decoding: $0.body, as: UTF8.self) } }
                #expect(bodies == ["abc", "small", "small"], "cut at \(cut)")
            }
        }
    }

    @Test("announces the end that proxy connection asks for") func announcesTheEndThatProxyConnectionAsksFor()
        async throws
    {
        try await serve { port in
            let connection = try RawHTTPConnection(port: port)
            connection.send("\(Self.small)Proxy-Connection: close\r\n\r\n")
            #expect(connection.response()?.field("connection") == "close")
            #expect(connection.ends() == .closed)
        }
    }

    /// What is written last may still be on its way when the client's end is noticed.
    @Test("answers a client that has closed its own side and reads slowly")
    func answersAClientThatHasClosedItsOwnSideAndReadsSlowly() async throws {
        try await serve { port in
            for count in stride(from: 2_000_000, through: 6_000_000, by: 250_000) {
                let connection = try RawHTTPConnection(port: port)
                connection.setReceiveBuffer(bytes: 65_536)
                connection.send("GET /bytes/\(count) HTTP/1.1\r\nHost: x\r\n\r\n")
                connection.finishSending()
                usleep(20_000)
                #expect(connection.response()?.body.count == count)
            }
        }
    }

    /// What is left over of a last response may be too little for the connection to be full.
    @Test("refuses what is behind a body that was cut short by itself")
    func refusesWhatIsBehindABodyThatWasCutShortByItself() async throws {
        // The first bytes of gzip's format.
        let cut: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]
        try await serve { port in
            let connection = try RawHTTPConnection(port: port)
            connection.send(
                Array("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n".utf8)
                    + cut)
            #expect(connection.response()?.status == 400)
            connection.send("OPTIONS /echo HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(connection.response()?.status == 204)
        }
    }

    /// What is not HTTP/1.1, and what the answer says of it.
    @Test(
        "says what is wrong in plain words",
        arguments: [
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP/1.1"),
            ("GET /small HTTP/3.0\r\n\r\n", 505, "HTTP/1.1"),
            ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}", 400, "TLS"),
            ("GET /small HTTP/1.1\r\nHost: x\r\nA\u{1}B: c\r\n\r\n", 400, "header field"),
            ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n", 400, "Content-Length"),
            ("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400, "chunk"),
        ]) func saysWhatIsWrongInPlainWords(bytes: String, status: Int, word: String) async throws
    {
        try await serve { port in
            let connection = try RawHTTPConnection(port: port)
            connection.send(bytes)
            let response = connection.response()
            #expect(response?.status == status)
            let text = String(decoding: response?.body ?? [], as: UTF8.self)
            #expect(text.contains(word), "\(text)")
            #expect(!text.contains("parser"), "\(text)")
            #expect(connection.ends() == .closed)
        }
    }
}
