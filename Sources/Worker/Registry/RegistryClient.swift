import AsyncHTTPClient
internal import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Calls to a Schema Registry over HTTP: each has its answer in time, or says in a sentence why not.
struct RegistryClient: Sendable {
    /// The longest time for an answer, with all of its body.
    private static let requestTimeout = Duration.seconds(10)
    private static let maximumBytes = 1 << 24

    private let client: HTTPClient
    private let settings: SchemaRegistrySettings

    /// Does not connect yet. Call ``shutdown()`` in the end.
    init(_ settings: SchemaRegistrySettings) throws(WorkerConfigurationError) {
        self.settings = settings
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: .seconds(5)))
        if let file = settings.authorities {
            var tls = TLSConfiguration.makeClientConfiguration()
            do {
                tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file))
            } catch {
                throw WorkerConfigurationError(
                    setting: "--schema-registry-ca", problem: "\(file) holds no certificates in PEM")
            }
            configuration.tlsConfiguration = tls
        }
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    var url: String { settings.url }

    func shutdown() async { try? await client.shutdown() }

    struct Failure: Error {
        /// What the registry does, as the rest of a sentence that begins with it.
        let message: String
        /// Whether trying again does not help.
        let isFinal: Bool

        init(_ message: String, isFinal: Bool = false) {
            self.message = message
            self.isFinal = isFinal
        }
    }

    struct Response {
        let status: HTTPResponseStatus
        let body: ByteBuffer

        func decoded<Value: Decodable>(_ type: Value.Type) -> Value? {
            try? JSONDecoder().decode(type, from: Data(body.readableBytesView))
        }

        struct Problem: Decodable {
            let error_code: Int?
        }

        /// The status, and the registry's own code for it.
        var told: String {
            let code = decoded(Problem.self)?.error_code.map { " (\($0))" }
            return "\(status.code)\(code ?? "")"
        }
    }

    func get(_ path: String) async throws(Failure) -> Response { try await send(.GET, path, body: nil) }

    func send(_ method: HTTPMethod, _ path: String, body: ByteBuffer?) async throws(Failure) -> Response {
        var request = HTTPClientRequest(url: settings.url + path)
        request.method = method
        request.headers.add(
            name: "Accept", value: "application/vnd.schemaregistry.v1+json, application/json; q=0.9")
        if let login = settings.login {
            request.headers.add(name: "Authorization", value: "Basic \(Data(login.utf8).base64EncodedString())")
        }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/vnd.schemaregistry.v1+json")
            request.body = .bytes(body)
        }
        let response: Response
        do {
            response = try await inTime { [client, request] in
                let answer = try await client.execute(request, deadline: .distantFuture)
                return Response(status: answer.status, body: try await answer.body.collect(upTo: Self.maximumBytes))
            }
        } catch {
            throw Failure(Self.description(of: error))
        }
        switch response.status {
        case .unauthorized:
            throw Failure(
                settings.login == nil
                    ? "asks for a login; --schema-registry-auth names a file with user:password"
                    : "refuses the login in --schema-registry-auth", isFinal: true)
        case .forbidden:
            let whom = settings.login == nil ? "without a login (--schema-registry-auth)" : "to this login"
            throw Failure("does not allow \(method) \(path) \(whom)", isFinal: true)
        default: return response
        }
    }

    /// What a request throws that took too long.
    private struct TookTooLong: Error {}

    private func inTime<Value: Sendable>(
        _ request: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask(operation: request)
            group.addTask {
                try await Task.sleep(for: Self.requestTimeout)
                throw TookTooLong()
            }
            defer { group.cancelAll() }
            guard let value = try await group.next() else { throw TookTooLong() }
            return value
        }
    }

    private static func description(of error: any Error) -> String {
        switch error {
        case is TookTooLong: "does not answer in time"
        case is NIOTooManyBytesError: "answers with more than \(maximumBytes) bytes"
        case let error as NIOConnectionError where error.dnsAError != nil || error.dnsAAAAError != nil:
            "cannot be reached: there is no host of this name"
        case let error as NIOConnectionError:
            (error.connectionErrors.first?.error as? IOError).map { description(of: $0) } ?? "cannot be reached"
        case let error as HTTPClientError where error == .remoteConnectionClosed:
            "closes the connection before it has answered"
        case let error as HTTPClientError
        where [.connectTimeout, .readTimeout, .deadlineExceeded].contains(error):
            "does not answer in time"
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            "cannot be trusted or does not speak TLS there; --schema-registry-ca names a file of its authority"
        case let error as HTTPClientError where error == .tlsHandshakeTimeout:
            "cannot be trusted or does not speak TLS there; --schema-registry-ca names a file of its authority"
        case let error as IOError: "cannot be reached: \(String(cString: strerror(error.errnoCode)))"
        default: "cannot be reached"
        }
    }

    /// A part of a path, percent-encoded.
    static func escaped(_ segment: String) -> String {
        segment.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(.init(charactersIn: "-._~")))
            ?? segment
    }
}
