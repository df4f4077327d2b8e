import Foundation
import HTTPServer
import Logging
import NIOCore
import NIOHTTP1
import Synchronization
import TestSupport

/// A server with a route of each kind, for as long as a test lasts.
struct TestServer: Sendable {
    /// Completes the requests of `/later` when a test says so.
    final class Later: Sendable {
        private let waiting = Mutex<[Completion]>([])

        var count: Int { waiting.withLock { $0.count } }

        func add(_ completion: Completion) { waiting.withLock { $0.append(completion) } }

        func completeAll() {
            for completion in waiting.withLock({ $0 }) { completion { Response(type: "text/plain", text: "later\n") } }
        }
    }

    let port: Int
    let later: Later

    /// As large as no socket takes at once.
    static let large = Array((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })

    /// Serves while `body` runs, which may block.
    static func run<Result: Sendable>(
        tls: ReloadableTLS? = nil, _ configure: (inout HTTPServerConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (TestServer) throws -> Result
    ) async throws -> Result {
        var configuration = HTTPServerConfiguration(name: "test", host: "127.0.0.1", port: 0)
        configure(&configuration)
        configuration.tls = tls?.files
        let later = Later()
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let server = HTTPServer(
            configuration, routes: routes(later), tls: tls,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, onRunning: { port.yield($0) })
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await server.run() }
            defer { tasks.cancelAll() }
            for await port in ports {
                return try await RawHTTPConnection.onThread {
                    try body(TestServer(port: port, later: later))
                }
            }
            throw CancellationError()
        }
    }

    static func routes(_ later: Later) -> RouteTable {
        let large = Page(type: "application/octet-stream", bytes: large)
        let page = Page(type: "text/plain", bytes: Array(String(repeating: "page ", count: 1_000).utf8))
        return RouteTable([
            Route(
                .GET, "/health/live", .withoutBody { _, _ in .response(Response(type: "text/plain", text: "live\n")) }),
            Route(.GET, "/page", .withoutBody { request, _ in .response(page.response(to: request)) }),
            Route(.GET, "/large", .withoutBody { request, _ in .response(large.response(to: request)) }),
            Route(
                .POST, "/echo",
                .withBody { request, _ in .response(Response(type: "application/octet-stream", body: request.body)) }),
            Route(
                .GET, "/later",
                .withoutBody { _, completion in
                    later.add(completion)
                    return .pending(cancel: {})
                }),
            Route(
                .GET, "/items/{item}",
                .withoutBody { request, _ in
                    .response(Response(type: "text/plain", text: request.parameter("item") ?? ""))
                }),
            Route(
                .POST, "/stream",
                .stream { _, body, writer in
                    try await writer.begin(.ok, headers: [("Content-Type", "application/octet-stream")])
                    for try await bytes in body { try await writer.write(bytes) }
                }),
        ])
    }
}

extension RawHTTPConnection {
    /// A request with a body, sent whole.
    func post(_ path: String, _ body: [UInt8], _ lines: String = "") {
        send(
            Array("POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.count)\r\n\(lines)\r\n".utf8) + body)
    }

    func get(_ path: String, _ lines: String = "") {
        send("GET \(path) HTTP/1.1\r\nHost: x\r\n\(lines)\r\n")
    }
}
