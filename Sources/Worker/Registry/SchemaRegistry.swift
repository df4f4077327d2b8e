import AsyncHTTPClient
internal import Foundation
import Kafka
import Logging
import Messages
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization
import Telemetry

/// Where the schemas of values in a registry's framing are, and how to reach it.
package struct SchemaRegistrySettings: Sendable, Hashable {
    /// The registry's URL, `http` or `https`, without a user in it; it may have a path.
    package var url: String
    /// `user:password`; nil if the registry needs no login.
    package var login: String?
    /// A PEM file of the authorities that the registry's certificate may come from; nil for the system's.
    package var authorities: String?

    package init(url: String, login: String? = nil, authorities: String? = nil) {
        self.url = url
        self.login = login
        self.authorities = authorities
    }
}

/// A Schema Registry (Confluent's API, which Karapace, Redpanda and Apicurio speak too).
///
/// Lanes ask it without waiting: ``request(_:onArrival:)`` notes what is missing, ``run()`` fetches it, and a wakeup tells
/// that it has come. While the registry does not answer, it goes on trying as long as somebody waits.
final class SchemaRegistry: Sendable {
    /// The most schemas kept; the oldest are given up first.
    static let capacity = 1_000
    /// For how long a schema counts as unknown; it may be registered meanwhile.
    static let unknownFor = Duration.seconds(10)
    /// The most schemas fetched at a time.
    private static let maximumFetches = 8
    /// The longest time for an answer, with all of its body.
    private static let requestTimeout = Duration.seconds(10)
    private static let maximumBytes = 1 << 24

    private struct Entry {
        let schema: WriterSchema
        let expiry: ContinuousClock.Instant?
    }

    /// A schema that is being fetched.
    private struct Pending {
        /// Who waits for it.
        var wakeups: [Wakeup]
        /// Why the last attempt gave none.
        var problem: String?
    }

    private struct State {
        var entries: [UInt32: Entry] = [:]
        /// The ids in the order in which they came.
        var order: [UInt32] = []
        var pending: [UInt32: Pending] = [:]

        var problem: String? { pending.values.lazy.compactMap(\.problem).first }
    }

    private let client: HTTPClient
    private let settings: SchemaRegistrySettings
    private let logger: Logger
    private let state = Mutex(State())
    private let requests: AsyncStream<UInt32>
    private let requested: AsyncStream<UInt32>.Continuation

    private init(_ settings: SchemaRegistrySettings, client: HTTPClient, logger: Logger) {
        self.settings = settings
        self.client = client
        self.logger = logger
        (requests, requested) = AsyncStream.makeStream()
    }

    /// Makes a registry for as long as the body runs.
    static func with<Value: Sendable>(
        _ settings: SchemaRegistrySettings, logger: Logger, _ body: (SchemaRegistry) async throws -> Value
    ) async throws -> Value {
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
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let value = try await body(SchemaRegistry(settings, client: client, logger: logger))
            try? await client.shutdown()
            return value
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    // MARK: For lanes

    /// Why the registry gives no schemas, one line; nil if it does, or none is needed.
    var problem: String? { state.withLock { $0.problem } }

    /// The schema, and when it must be asked for again; nil if it is not there.
    func schema(_ id: UInt32) -> (schema: WriterSchema, expiry: ContinuousClock.Instant?)? {
        state.withLock { state in
            guard let entry = state.entries[id], entry.expiry.map({ $0 > .now }) ?? true else { return nil }
            return (entry.schema, entry.expiry)
        }
    }

    /// Asks for a schema; the wakeup is signalled once it is there.
    func request(_ id: UInt32, onArrival wakeup: Wakeup) {
        let isNew = state.withLock { state in
            let isNew = state.pending[id] == nil
            state.pending[id, default: Pending(wakeups: [])].wakeups.append(wakeup)
            return isNew
        }
        if isNew { requested.yield(id) }
    }

    /// Nobody waits for the schema any more with this wakeup.
    func withdraw(_ id: UInt32, onArrival wakeup: Wakeup) {
        state.withLock { state in
            state.pending[id]?.wakeups.removeAll { $0 === wakeup }
            if state.pending[id]?.wakeups.isEmpty == true { state.pending[id] = nil }
        }
    }

    /// Fetches what is asked for, until cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            var running = 0
            for await id in requests {
                if running == Self.maximumFetches {
                    await group.next()
                    running -= 1
                }
                group.addTask { await self.fetch(id) }
                running += 1
            }
        }
    }

    private func fetch(_ id: UInt32) async {
        var pause = Duration.milliseconds(250)
        while !Task.isCancelled, state.withLock({ $0.pending[id] != nil }) {
            do throws(Failure) {
                let answer = try await writerSchema(id)
                return store(
                    Entry(schema: answer.schema, expiry: answer.isLasting ? nil : .now + Self.unknownFor), id: id)
            } catch {
                if Task.isCancelled { return }
                tell(error.message, of: id)
            }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(5))
        }
    }

    private func store(_ entry: Entry, id: UInt32) {
        let (waiting, isBack) = state.withLock { state in
            if state.entries[id] == nil { state.order.append(id) }
            state.entries[id] = entry
            if state.order.count > Self.capacity { state.entries[state.order.removeFirst()] = nil }
            let hadProblem = state.problem != nil
            let waiting = state.pending.removeValue(forKey: id)?.wakeups ?? []
            return (waiting, hadProblem && state.problem == nil)
        }
        if isBack { logger.notice("the schema registry answers again") }
        for wakeup in waiting { wakeup.signal() }
    }

    private func tell(_ problem: String, of id: UInt32) {
        let text = "the schema registry \(settings.url) \(problem)"
        let isNew = state.withLock { state in
            let isNew = state.problem == nil
            state.pending[id]?.problem = text
            return isNew && state.problem != nil
        }
        if isNew { logger.warning("records wait for their schemas", [.reason: "\(text)"]) }
    }

    // MARK: For the start

    /// Until when to try, and what ends that sooner without an error.
    struct Patience: Sendable {
        var deadline: ContinuousClock.Instant
        var isStopping: @Sendable () -> Bool = { false }
    }

    /// Checks that the registry answers and takes the login.
    func check(_ patience: Patience) async throws(WorkerError) {
        _ = try await retrying(patience) { () async throws(Failure) in
            let response = try await self.get("/schemas/types")
            guard response.status.code < 500 else { throw Failure("answers \(response.status.code)") }
            return 0
        }
    }

    /// Fetches a schema. Nil if it was to stop.
    func schema(_ id: UInt32, _ patience: Patience) async throws(WorkerError) -> WriterSchema? {
        try await retrying(patience) { () async throws(Failure) in try await self.writerSchema(id).schema }
    }

    /// Registers an Avro schema, unless it is registered already, and returns its id. Nil if it was to stop.
    func register(_ schema: String, subject: String, _ patience: Patience) async throws(WorkerError) -> Int32? {
        try await retrying(patience) { () async throws(Failure) in
            let body = try? JSONEncoder().encode(["schema": schema])
            let path = "/subjects/\(Self.escaped(subject))/versions"
            let response = try await self.send(.POST, path, body: body.map { ByteBuffer(bytes: $0) })
            switch response.status.code {
            case 200..<300:
                struct Registered: Decodable { let id: Int32 }
                guard let registered = response.decoded(Registered.self) else {
                    throw Failure("answers to POST \(path) with no id of a schema")
                }
                return registered.id
            case 409:
                throw Failure(
                    "does not take the schema of the replies: it is not compatible with what \(subject) has",
                    isFinal: true)
            case 400..<500:
                throw Failure("answers \(response.told) to POST \(path)", isFinal: true)
            default: throw Failure("answers \(response.told) to POST \(path)")
            }
        }
    }

    private func retrying<Value: Sendable>(
        _ patience: Patience, _ attempt: () async throws(Failure) -> Value
    ) async throws(WorkerError) -> Value? {
        while true {
            do throws(Failure) {
                return try await attempt()
            } catch {
                if patience.isStopping() { return nil }
                guard !error.isFinal, ContinuousClock.now < patience.deadline, !Task.isCancelled else {
                    throw WorkerError(
                        code: .brokerUnavailable, message: "the schema registry \(settings.url) \(error.message)")
                }
            }
            try? await Task.sleep(for: .milliseconds(250))
        }
    }

    // MARK: HTTP

    private struct Failure: Error {
        /// What the registry does, as the rest of a sentence that begins with it.
        let message: String
        /// Whether trying again does not help.
        let isFinal: Bool

        init(_ message: String, isFinal: Bool = false) {
            self.message = message
            self.isFinal = isFinal
        }
    }

    private struct Response {
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

    private func get(_ path: String) async throws(Failure) -> Response { try await send(.GET, path, body: nil) }

    private func send(_ method: HTTPMethod, _ path: String, body: ByteBuffer?) async throws(Failure) -> Response {
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

    // MARK: Schemas

    private struct Stored: Decodable {
        let schema: String
        let schemaType: String?
        let references: [Reference]?
    }

    private struct Reference: Decodable {
        let name: String
        let subject: String
        let version: Int
    }

    /// What the registry says of an id, and whether it will say the same later.
    private func writerSchema(_ id: UInt32) async throws(Failure) -> (schema: WriterSchema, isLasting: Bool) {
        // Registries' ids are an Int32: they would refuse the question.
        guard id <= UInt32(Int32.max) else { return (.unknown, true) }
        let path = "/schemas/ids/\(id)"
        let response = try await get(path)
        switch response.status.code {
        case 200: break
        case 400, 422: return (.unknown, false)
        case 404:
            // A proxy's 404, or that of another service, says nothing of the schema.
            guard response.decoded(Response.Problem.self)?.error_code == 40_403 else {
                throw Failure("answers 404 to GET \(path), and not as a schema registry does; is the URL right?")
            }
            return (.unknown, false)
        default: throw Failure("answers \(response.told) to GET \(path)")
        }
        guard let stored = response.decoded(Stored.self) else {
            throw Failure("answers to GET \(path) with no schema")
        }
        switch stored.schemaType ?? "AVRO" {
        case "AVRO": break
        case "JSON": return (.json, true)
        case let type:
            return (
                .refused("the value's schema \(id) is of type \(type.prefix(32)); only Avro and JSON are read"), true
            )
        }
        var references: [String] = []
        var known: Set<String> = []
        guard try await gather(stored.references ?? [], into: &references, known: &known) else {
            return (
                .refused("the value's Avro schema \(id) refers to one that the schema registry does not have"), false
            )
        }
        do throws(AvroSchema.Failure) {
            return (.avro(try AvroSchema(stored.schema, references: references)), true)
        } catch {
            return (.refused("the value's Avro schema \(id) cannot be used: \(error)"), true)
        }
    }

    /// The schemas that a schema refers to, those first that others need. Returns whether all are there.
    private func gather(
        _ references: [Reference], into texts: inout [String], known: inout Set<String>
    ) async throws(Failure) -> Bool {
        for reference in references where known.insert("\(reference.subject)/\(reference.version)").inserted {
            let path = "/subjects/\(Self.escaped(reference.subject))/versions/\(reference.version)"
            let response = try await get(path)
            if response.status == .notFound { return false }
            guard response.status == .ok, let stored = response.decoded(Stored.self) else {
                throw Failure("answers \(response.told) to GET \(path)")
            }
            guard try await gather(stored.references ?? [], into: &texts, known: &known) else { return false }
            texts.append(stored.schema)
        }
        return true
    }

    private static func escaped(_ segment: String) -> String {
        segment.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(.init(charactersIn: "-._~")))
            ?? segment
    }
}
