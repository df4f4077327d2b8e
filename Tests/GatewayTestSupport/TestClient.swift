import Foundation
package import Gateway
package import HTTPServer
package import HTTPTypes
import Logging
package import NIOCore
package import NIOHTTP1
import TestSupport

/// A gateway's server for as long as a test lasts, on a port of its own, and a client for it.
package struct TestApplication: Sendable {
    /// What a test needs. Both are a real server and real connections.
    package enum Setup: Sendable { case router, live }

    package let core: GatewayCore
    package var tls: ReloadableTLS?

    /// Serves while `body` runs.
    package func test<Result: Sendable>(
        _ setup: Setup = .live, _ body: @escaping @Sendable (TestClient) async throws -> Result
    ) async throws -> Result {
        var configuration = core.configuration.server
        configuration.host = "127.0.0.1"
        configuration.port = 0
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let server = HTTPServer(
            configuration, routes: core.routes, tls: tls,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, onRunning: { port.yield($0) })
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await server.run() }
            defer { tasks.cancelAll() }
            for await port in ports { return try await body(TestClient(port: port)) }
            throw CancellationError()
        }
    }
}

package typealias TestingSetup = TestApplication.Setup

package struct TestClient: Sendable {
    package let port: Int?

    package func executeRequest(
        uri: String, method: HTTPRequest.Method, headers: HTTPFields = [:], body: ByteBuffer? = nil
    ) async throws -> TestResponse {
        let port = port ?? 0
        var head = "\(method.rawValue) \(uri) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        for field in headers { head += "\(field.name.rawName): \(field.value)\r\n" }
        if let body { head += "Content-Length: \(body.readableBytes)\r\n" }
        let bytes = Array("\(head)\r\n".utf8) + (body.map { Array($0.readableBytesView) } ?? [])
        let response = try await RawHTTPConnection.onThread {
            let connection = try RawHTTPConnection(port: port)
            connection.send(bytes)
            return connection.response(isHead: method == .head, within: 60)
        }
        guard let response else { throw RawHTTPConnection.Failure(description: "\(uri) was not answered") }
        var fields = HTTPFields()
        for line in response.head.components(separatedBy: "\r\n").dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2, let name = HTTPField.Name(String(parts[0])) {
                fields.append(HTTPField(name: name, value: parts[1].trimmingCharacters(in: .whitespaces)))
            }
        }
        return TestResponse(
            status: HTTPResponseStatus(statusCode: response.status), headers: fields,
            body: ByteBuffer(bytes: response.body))
    }

    @discardableResult
    package func execute<Result>(
        uri: String, method: HTTPRequest.Method, headers: HTTPFields = [:], body: ByteBuffer? = nil,
        _ check: (TestResponse) async throws -> Result
    ) async throws -> Result {
        try await check(try await executeRequest(uri: uri, method: method, headers: headers, body: body))
    }
}

package struct TestResponse: Sendable {
    package let status: HTTPResponseStatus
    package let headers: HTTPFields
    package let body: ByteBuffer
}
