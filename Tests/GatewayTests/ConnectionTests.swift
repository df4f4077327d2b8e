import Foundation
import Gateway
import GatewayTestSupport
import HTTPTypes
import NIOCore
import TestSupport
import Testing

/// Clients that do not do as they should, on real connections. Each test waits until the server has closed the connection;
/// if it never did, the test would not end.
@Suite("Connections", .timeLimit(.minutes(1)))
struct ConnectionTests {
    private func serve(
        _ gateway: TestGateway, _ body: @escaping @Sendable (_ port: Int) async throws -> Void
    ) async throws {
        try await gateway.application.test(.live) { client in
            try await body(try #require(client.port))
        }
    }

    private let post = "POST /v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

    @Test("closes on a client that takes too long over the head") func closesOnAClientThatTakesTooLongOverTheHead()
        async throws
    {
        try await serve(TestGateway { $0.headTimeout = .milliseconds(200) }) { port in
            let received = try await RawConnection.open(port: port) { inbound, outbound in
                try await outbound.write(ByteBuffer(string: "GET /health/live HT"))
                return await RawConnection.readToEnd(inbound)
            }
            #expect(received.isEmpty)
        }
    }

    @Test("closes on a client that takes too long over the body") func closesOnAClientThatTakesTooLongOverTheBody()
        async throws
    {
        let head = post
        try await serve(TestGateway { $0.bodyTimeout = .milliseconds(200) }) { port in
            _ = try await RawConnection.open(port: port) { inbound, outbound in
                try await outbound.write(ByteBuffer(string: head + "Content-Length: 12\r\n\r\n{\"te"))
                return await RawConnection.readToEnd(inbound)
            }
        }
    }

    @Test("closes on a client that takes too long over a line of a stream")
    func closesOnAClientThatTakesTooLongOverALineOfAStream() async throws {
        try await serve(TestGateway { $0.bodyTimeout = .milliseconds(200) }) { port in
            _ = try await RawConnection.open(port: port) { inbound, outbound in
                try await outbound.write(
                    ByteBuffer(
                        string: "POST /v1/classify/stream HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
                            + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"))
                return await RawConnection.readToEnd(inbound)
            }
        }
    }

    @Test("closes an idle connection") func closesAnIdleConnection() async throws {
        try await serve(TestGateway { $0.idleTimeout = .seconds(2) }) { port in
            let received = try await RawConnection.open(port: port) { inbound, outbound in
                try await outbound.write(ByteBuffer(string: "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"))
                return await RawConnection.readToEnd(inbound)
            }
            #expect(received.hasPrefix("HTTP/1.1 200 OK"))
        }
    }

    @Test("answers at once to a body that is too large and reads no more of it")
    func answersAtOnceToABodyThatIsTooLargeAndReadsNoMoreOfIt() async throws {
        let head = post
        try await serve(TestGateway { $0.maximumBodyBytes = 10_000 }) { port in
            let received = try await RawConnection.open(port: port) { inbound, outbound in
                try await outbound.write(ByteBuffer(string: head + "Content-Length: 100000000\r\n\r\n{"))
                return await RawConnection.readToEnd(inbound)
            }
            #expect(received.hasPrefix("HTTP/1.1 413 "))
            #expect(received.contains(#""code":"body_too_large""#))
            #expect(received.lowercased().contains("\r\nconnection: close\r\n"))
        }
    }

    @Test("keeps the connection of a stream that is answered while it comes")
    func keepsTheConnectionOfAStreamThatIsAnsweredWhileItComes() async throws {
        try await serve(TestGateway()) { port in
            let received = try await RawConnection.open(port: port) { inbound, outbound in
                try await outbound.write(
                    ByteBuffer(
                        string: "POST /v1/classify/stream HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
                            + "Transfer-Encoding: chunked\r\n\r\n2\r\na\n\r\n"))
                var text = ""
                var isEnded = false
                for try await part in inbound {
                    text += String(buffer: part)
                    // The first answer is here before the stream has ended.
                    if !isEnded, text.contains(#""label""#) {
                        isEnded = true
                        try await outbound.write(
                            ByteBuffer(
                                string: "0\r\n\r\nGET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
                    }
                }
                return text
            }
            #expect(received.components(separatedBy: "HTTP/1.1 200 OK").count == 3)
        }
    }

    @Test("answers at once to a chunked body that is too large") func answersAtOnceToAChunkedBodyThatIsTooLarge()
        async throws
    {
        let head = post
        try await serve(TestGateway { $0.maximumBodyBytes = 10_000 }) { port in
            let received = try await RawConnection.open(port: port) { inbound, outbound in
                try await outbound.write(ByteBuffer(string: head + "Transfer-Encoding: chunked\r\n\r\n4000\r\n"))
                try await outbound.write(ByteBuffer(repeating: UInt8(ascii: "x"), count: 0x4000))
                return await RawConnection.readToEnd(inbound)
            }
            #expect(received.hasPrefix("HTTP/1.1 413 "))
        }
    }

    @Test("refuses a head that is too large") func refusesAHeadThatIsTooLarge() async throws {
        try await serve(TestGateway { $0.maximumHeaderBytes = 1_024 }) { port in
            let received = try await RawConnection.open(port: port) { inbound, outbound in
                let field = "X-Long: " + String(repeating: "x", count: 5_000)
                try await outbound.write(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: x\r\n\(field)\r\n\r\n"))
                return await RawConnection.readToEnd(inbound)
            }
            #expect(received.isEmpty || received.hasPrefix("HTTP/1.1 4"))
        }
    }

    @Test("tells a waiting client to go on") func tellsAWaitingClientToGoOn() async throws {
        let head = post
        try await serve(TestGateway()) { port in
            let received = try await RawConnection.open(port: port) { inbound, outbound in
                try await outbound.write(
                    ByteBuffer(string: head + "Expect: 100-continue\r\nConnection: close\r\nContent-Length: 12\r\n\r\n")
                )
                var text = ""
                var isSent = false
                for try await part in inbound {
                    text += String(buffer: part)
                    if !isSent, text.contains("\r\n\r\n") {
                        isSent = true
                        try await outbound.write(ByteBuffer(string: #"{"text":"x"}"#))
                    }
                }
                return text
            }
            #expect(received.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"))
        }
    }

    @Test("frees the place of a client that is gone") func freesThePlaceOfAClientThatIsGone() async throws {
        let gateway = TestGateway(workers: InMemoryWorkers(answer: nil)) { $0.requestTimeout = .seconds(3_600) }
        try await serve(gateway) { port in
            try await RawHTTPConnection.onThread {
                let connection = try RawHTTPConnection(port: port)
                connection.send("GET /api/intent?sentence=x HTTP/1.1\r\nHost: x\r\n\r\n")
                while gateway.exchange.snapshot.waiting == 0 { usleep(1_000) }
                connection.reset()
            }
            while gateway.exchange.snapshot.waiting > 0 { try await Task.sleep(for: .milliseconds(1)) }
            #expect(gateway.exchange.snapshot.counts.cancelled == 1)
        }
    }

    /// A client that says that it sends no more has not gone: it waits for its answer.
    @Test(
        "answers a client that has closed its own side",
        arguments: ["/api/intent?sentence=x", "/health/live", "/metrics"])
    func answersAClientThatHasClosedItsOwnSide(path: String) async throws {
        let gateway = TestGateway(workers: InMemoryWorkers(answer: nil))
        try await serve(gateway) { port in
            let response = try await RawHTTPConnection.onThread {
                let connection = try RawHTTPConnection(port: port)
                connection.send("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
                connection.finishSending()
                if path.hasPrefix("/api") {
                    while gateway.exchange.snapshot.waiting == 0 { usleep(1_000) }
                    // The server has had the time to see the end of the input.
                    usleep(50_000)
                    gateway.exchange.receive(gateway.workers.requests.map { .classification(of: $0) })
                }
                let response = connection.response()
                #expect(connection.ends() == .closed)
                return response
            }
            #expect(response?.status == 200)
        }
    }

    @Test("frees the window of a stream whose client hangs up") func freesTheWindowOfAStreamWhoseClientHangsUp()
        async throws
    {
        let gateway = TestGateway(workers: InMemoryWorkers(answer: nil)) { $0.requestTimeout = .seconds(3_600) }
        try await serve(gateway) { port in
            try await RawHTTPConnection.onThread {
                let connection = try RawHTTPConnection(port: port)
                connection.send(
                    "POST /v1/classify/stream HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
                        + "Transfer-Encoding: chunked\r\n\r\n4\r\na\nb\n\r\n")
                while gateway.exchange.snapshot.waiting < 2 { usleep(1_000) }
            }
            while gateway.exchange.snapshot.waiting > 0 { try await Task.sleep(for: .milliseconds(1)) }
        }
    }

    @Test("answers requests that come in one go") func answersRequestsThatComeInOneGo() async throws {
        try await serve(TestGateway()) { port in
            let received = try await RawConnection.open(port: port) { inbound, outbound in
                let request = "GET /api/intent?sentence=x HTTP/1.1\r\nHost: x\r\n"
                try await outbound.write(ByteBuffer(string: "\(request)\r\n\(request)Connection: close\r\n\r\n"))
                return await RawConnection.readToEnd(inbound)
            }
            #expect(received.components(separatedBy: "HTTP/1.1 200 OK").count == 3)
        }
    }

    @Test("answers every kind of route on one connection") func answersEveryKindOfRouteOnOneConnection() async throws {
        try await serve(TestGateway()) { port in
            let received = try await RawConnection.open(port: port) { inbound, outbound in
                let paths = ["/api/intent?sentence=x", "/health/live", "/api/intent?sentence=x", "/nowhere"]
                let requests = paths.map { "GET \($0) HTTP/1.1\r\nHost: x\r\n" }.joined(separator: "\r\n")
                try await outbound.write(ByteBuffer(string: "\(requests)Connection: close\r\n\r\n"))
                return await RawConnection.readToEnd(inbound)
            }
            let statuses = received.components(separatedBy: "HTTP/1.1 ").dropFirst().map { $0.prefix(3) }
            #expect(statuses == ["200", "200", "200", "404"])
        }
    }

    @Test("refuses what is not HTTP") func refusesWhatIsNotHTTP() async throws {
        try await serve(TestGateway()) { port in
            for first in ["", "GET /api/intent?sentence=x HTTP/1.1\r\nHost: x\r\n\r\n"] {
                let received = try await RawConnection.open(port: port) { inbound, outbound in
                    try await outbound.write(ByteBuffer(string: "\(first)NONSENSE\r\n\r\n"))
                    return await RawConnection.readToEnd(inbound)
                }
                #expect(received.components(separatedBy: "HTTP/1.1 400").count == 2)
            }
        }
    }
}
