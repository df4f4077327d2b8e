import Foundation
import HTTPServer
import Logging
import ServiceLifecycle
import TestSupport
import Testing

/// How a server ends.
@Suite("The server's end", .timeLimit(.minutes(1)))
struct ShutdownTests {
    /// Runs a server, lends it, and shuts it down gracefully when told; returns when the server has.
    private func serve(
        timeout: Duration, tls: ReloadableTLS? = nil,
        _ body:
            @escaping @Sendable (_ port: Int, TestServer.Later, _ stop: @Sendable () -> Void) throws
            -> Void
    ) async throws {
        var configuration = HTTPServerConfiguration(name: "test", host: "127.0.0.1", port: 0)
        configuration.shutdownTimeout = timeout
        configuration.headTimeout = .seconds(600)
        configuration.writeTimeout = .seconds(600)
        configuration.tls = tls?.files
        let later = TestServer.Later()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let server = HTTPServer(
            configuration, routes: TestServer.routes(later), tls: tls, logger: logger, onRunning: { port.yield($0) })
        let group = ServiceGroup(services: [server], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for await port in ports {
                let stop: @Sendable () -> Void = { Task { await group.triggerGracefulShutdown() } }
                try await RawHTTPConnection.onThread { try body(port, later, stop) }
                break
            }
            try await tasks.waitForAll()
        }
    }

    @Test("answers what it has begun and closes what is idle") func answersWhatItHasBegunAndClosesWhatIsIdle()
        async throws
    {
        try await serve(timeout: .seconds(30)) { port, later, stop in
            let idle = try RawHTTPConnection(port: port)
            idle.get("/health/live")
            #expect(idle.response()?.status == 200)
            let busy = try RawHTTPConnection(port: port)
            busy.get("/later")
            while later.count == 0 { usleep(1_000) }
            stop()
            #expect(idle.ends() == .closed)
            later.completeAll()
            let response = busy.response()
            #expect(response?.status == 200)
            #expect(response?.field("connection") == "close")
            #expect(busy.ends() == .closed)
        }
    }

    @Test("cuts off what does not end in time") func cutsOffWhatDoesNotEndInTime() async throws {
        try await serve(timeout: .milliseconds(300)) { port, later, stop in
            let waiting = try RawHTTPConnection(port: port)
            waiting.get("/later")
            let stream = try RawHTTPConnection(port: port)
            stream.send("POST /stream HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            while later.count == 0 { usleep(1_000) }
            stop()
            #expect(waiting.ends() != .open)
            #expect(stream.ends() != .open)
        }
    }

    @Test("does not wait for ATLS handshake that stands still") func doesNotWaitForATLSHandshakeThatStandsStill()
        async throws
    {
        let certificate = try SelfSignedCertificate()
        defer { certificate.remove() }
        let files = TLSFiles(certificate: certificate.certificateFile, privateKey: certificate.keyFile)
        try await serve(timeout: .seconds(600), tls: try ReloadableTLS(files)) { port, _, stop in
            let silent = try RawHTTPConnection(port: port)
            let halfway = try RawHTTPConnection(port: port)
            // The first bytes of a record that holds a ClientHello.
            halfway.send([22, 3, 1, 2, 0, 1, 0])
            // Both are known to the server once a later connection has been answered.
            let later = try Command.run(
                "/usr/bin/curl",
                ["--silent", "--cacert", certificate.certificateFile, "https://127.0.0.1:\(port)/health/live"])
            #expect(later.status == 0)
            stop()
            #expect(silent.ends() == .closed)
            #expect(halfway.ends() == .closed)
        }
    }
}
