import Foundation
import HTTPServer
import TestSupport
import Testing

/// What clients may cost, one by one and all together.
@Suite("Limits", .timeLimit(.minutes(1)))
struct LimitsTests {
    @Test("refuses when bodies fill the memory set aside and goes on for others")
    func refusesWhenBodiesFillTheMemorySetAsideAndGoesOnForOthers() async throws {
        try await TestServer.run({
            $0.maximumHeldBytes = 4 << 20
            $0.maximumBodyBytes = 1 << 20
        }) { server in
            // Each holds back the last byte of a large body.
            let body = [UInt8](repeating: 7, count: 1 << 20)
            let holders = try (0..<12).map { _ in
                let connection = try RawHTTPConnection(port: server.port)
                connection.send(
                    Array("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.count)\r\n\r\n".utf8)
                        + body.dropLast())
                return connection
            }
            let refused = holders.filter { $0.response(within: 1)?.status == 503 }
            // Three quarters of the memory hold three such bodies, of which the last byte is missing.
            #expect(refused.count == 9)
            let other = try RawHTTPConnection(port: server.port)
            other.get("/health/live")
            #expect(other.response()?.status == 200)
            other.post("/echo", Array("small".utf8))
            #expect(other.response()?.body == Array("small".utf8))
            for holder in holders { holder.reset() }
            // What the connections held is free again.
            var status: Int?
            for _ in 0..<100 where status != 200 {
                let again = try RawHTTPConnection(port: server.port)
                again.post("/echo", body)
                status = again.response()?.status
                usleep(10_000)
            }
            #expect(status == 200)
        }
    }

    @Test("keeps no more of a response than the client takes") func keepsNoMoreOfAResponseThanTheClientTakes()
        async throws
    {
        try await TestServer.run { server in
            let readers = try (0..<5).map { _ in
                let connection = try RawHTTPConnection(port: server.port)
                connection.setReceiveBuffer(bytes: 65_536)
                for _ in 0..<2 { connection.get("/large") }
                return connection
            }
            for reader in readers {
                for _ in 0..<2 {
                    let response = reader.response()
                    #expect(response?.status == 200)
                    #expect(response?.body == TestServer.large)
                }
            }
        }
    }

    @Test("tells who is one connection too many") func tellsWhoIsOneConnectionTooMany() async throws {
        try await TestServer.run({ $0.maximumConnections = 3 }) { server in
            let held = try (0..<3).map { _ in try RawHTTPConnection(port: server.port) }
            for connection in held {
                connection.get("/health/live")
                #expect(connection.response()?.status == 200)
            }
            let refused = try RawHTTPConnection(port: server.port)
            refused.get("/health/live")
            let response = refused.response()
            #expect(response?.status == 503)
            #expect(response?.field("retry-after") == "1")
            #expect(refused.ends() == .closed)
            held[0].reset()
            #expect(try hasPlace(server))
        }
    }

    @Test("closes a connection that is idle after any answer") func closesAConnectionThatIsIdleAfterAnyAnswer()
        async throws
    {
        // With the head's time-out in its place the second request would come too late.
        try await TestServer.run({ $0.headTimeout = .milliseconds(300) }) { server in
            for path in ["/health/live", "/nothing", "/page"] {
                let connection = try RawHTTPConnection(port: server.port)
                connection.get(path)
                #expect(connection.response() != nil)
                usleep(900_000)
                connection.get("/health/live")
                #expect(connection.response()?.status == 200, "\(path)")
            }
        }
        try await TestServer.run({ $0.idleTimeout = .milliseconds(200) }) { server in
            for path in ["/health/live", "/nothing", "/page"] {
                let connection = try RawHTTPConnection(port: server.port)
                connection.get(path)
                #expect(connection.response() != nil)
                #expect(connection.ends(within: 10) == .closed)
            }
        }
    }

    @Test("says that a body took too long") func saysThatABodyTookTooLong() async throws {
        try await TestServer.run({ $0.bodyTimeout = .milliseconds(200) }) { server in
            let connection = try RawHTTPConnection(port: server.port)
            connection.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
            #expect(connection.response()?.status == 408)
            #expect(connection.ends() == .closed)
        }
    }

    @Test("closes on a client that does not read its last response")
    func closesOnAClientThatDoesNotReadItsLastResponse() async throws {
        let connections = 32
        try await TestServer.run({
            $0.writeTimeout = .milliseconds(200)
            $0.maximumConnections = connections
        }) { server in
            // Sockets take some 4 MB here. Of these lengths one or two leave a little behind, with which NIO calls the
            // connection writable.
            let unread = try (1...connections).map { length in
                let connection = try RawHTTPConnection(port: server.port)
                connection.setReceiveBuffer(bytes: 4_096)
                connection.get("/large")
                connection.post(
                    "/echo", [UInt8](repeating: 7, count: 500_000 + length * 32_000), "Connection: close\r\n")
                return connection
            }
            // All places are free again.
            var answered = 0
            for _ in 0..<1_000 where answered < connections {
                usleep(10_000)
                let next = try (0..<connections).map { _ in try RawHTTPConnection(port: server.port) }
                for connection in next { connection.get("/health/live") }
                answered = next.filter { $0.response()?.status == 200 }.count
            }
            #expect(answered == connections)
            withExtendedLifetime(unread) {}
        }
    }

    @Test("closes on a client that does not read") func closesOnAClientThatDoesNotRead() async throws {
        try await TestServer.run({
            $0.writeTimeout = .milliseconds(200)
            $0.maximumConnections = 1
        }) { server in
            let connection = try RawHTTPConnection(port: server.port)
            connection.setReceiveBuffer(bytes: 4_096)
            for _ in 0..<4 { connection.get("/large") }
            // Its place is free once it has been given up.
            #expect(try hasPlace(server))
        }
    }

    @Test(
        "takes a route by its exact path",
        arguments: ["/later/", "//later", "/health/live/", "/Health/live", "/health%2Flive", "/health/./live", ""])
    func takesARouteByItsExactPath(path: String) async throws {
        try await TestServer.run { server in
            let connection = try RawHTTPConnection(port: server.port)
            connection.get(path.isEmpty ? "/items/" : path)
            #expect(connection.response()?.status == 404)
            connection.get("/items/a%2Fb%20c+d")
            #expect(connection.response()?.body == Array("a/b c+d".utf8))
        }
    }

    @Test("asks for a body only when it will be read") func asksForABodyOnlyWhenItWillBeRead() async throws {
        try await TestServer.run({ $0.maximumBodyBytes = 1_000 }) { server in
            for (request, status) in [
                ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n", 413),
                ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: br\r\nContent-Length: 20\r\n", 415),
                ("POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n", 404),
                ("DELETE /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n", 405),
            ] {
                let connection = try RawHTTPConnection(port: server.port)
                connection.send("\(request)Expect: 100-continue\r\n\r\n")
                #expect(connection.response()?.status == status)
                #expect(connection.ends() == .closed)
            }
            let connection = try RawHTTPConnection(port: server.port)
            // The second request's 100 must not get into the first's response.
            connection.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n")
            connection.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
            #expect(connection.response(within: 0.3) == nil)
            server.later.completeAll()
            #expect(connection.response()?.status == 200)
            #expect(connection.response()?.status == 100)
            connection.send("abc")
            #expect(connection.response()?.body == Array("abc".utf8))
        }
    }

    @Test("answers pipelined requests in their order") func answersPipelinedRequestsInTheirOrder() async throws {
        try await TestServer.run { server in
            let connection = try RawHTTPConnection(port: server.port)
            connection.get("/later")
            connection.get("/items/2")
            connection.post("/echo", Array("3".utf8))
            connection.post("/stream", Array("4".utf8))
            connection.get("/items/5")
            connection.send("HEAD /items/6 HTTP/1.1\r\nHost: x\r\n\r\n")
            connection.get("/items/7", "Connection: close\r\n")
            while server.later.count == 0 { usleep(1_000) }
            server.later.completeAll()
            var bodies: [String] = []
            for isHead in [false, false, false, false, false, true, false] {
                bodies.append(
                    connection.response(isHead: isHead).map { String(decoding: $0.body, as: UTF8.self) } ?? "?")
            }
            #expect(bodies == ["later\n", "2", "3", "4", "5", "", "7"])
            #expect(connection.ends() == .closed)
        }
    }

    /// However the bytes of an offer to change the protocol and of what follows it are cut.
    @Test("passes over upgrades wherever the bytes are cut") func passesOverUpgradesWhereverTheBytesAreCut()
        async throws
    {
        let offer =
            "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nab"
        let bytes = Array((offer + offer + "GET /items/3 HTTP/1.1\r\nHost: x\r\n\r\n").utf8)
        try await TestServer.run { server in
            for cut in stride(from: 1, to: bytes.count, by: 3) {
                let connection = try RawHTTPConnection(port: server.port)
                connection.send(Array(bytes[..<cut]))
                if cut.isMultiple(of: 2) { usleep(2_000) }
                connection.send(Array(bytes[cut...]))
                let bodies = (0..<3).map { _ in connection.response().map { String(decoding: $0.body, as: UTF8.self) } }
                #expect(bodies == ["ab", "ab", "3"], "cut at \(cut)")
            }
        }
    }

    /// Whether the server takes another connection, now or soon.
    private func hasPlace(_ server: TestServer) throws -> Bool {
        for _ in 0..<1_000 {
            let next = try RawHTTPConnection(port: server.port)
            next.get("/health/live")
            if next.response()?.status == 200 { return true }
            usleep(10_000)
        }
        return false
    }
}
