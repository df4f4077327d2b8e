internal import Foundation
import Kafka
import Logging
import Messages
import NIOCore
import NIOHTTP1
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

    private let client: RegistryClient
    private let logger: Logger
    private let state = Mutex(State())
    private let requests: AsyncStream<UInt32>
    private let requested: AsyncStream<UInt32>.Continuation

    private init(_ client: RegistryClient, logger: Logger) {
        self.client = client
        self.logger = logger
        (requests, requested) = AsyncStream.makeStream()
    }

    /// Makes a registry for as long as the body runs.
    static func with<Value: Sendable>(
        _ settings: SchemaRegistrySettings, logger: Logger, _ body: (SchemaRegistry) async throws -> Value
    ) async throws -> Value {
        let client = try RegistryClient(settings)
        do {
            let value = try await body(SchemaRegistry(client, logger: logger))
            await client.shutdown()
            return value
        } catch {
            await client.shutdown()
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
            do throws(RegistryClient.Failure) {
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
        let text = "the schema registry \(client.url) \(problem)"
        let isNew = state.withLock { state in
            let isNew = state.problem == nil
            state.pending[id]?.problem = text
            return isNew && state.problem != nil
        }
        if isNew { logger.warning("records wait for their schemas", [.reason: "\(text)"]) }
    }

    // MARK: For the start

    /// Checks that the registry answers and takes the login. Tries until the deadline, or until it is cancelled.
    func check(until deadline: ContinuousClock.Instant) async throws(WorkerError) {
        _ = try await retrying(until: deadline) { () async throws(RegistryClient.Failure) in
            let response = try await client.get("/schemas/types")
            guard response.status.code < 500 else { throw RegistryClient.Failure("answers \(response.status.code)") }
            return 0
        }
    }

    /// Fetches a schema. Tries until the deadline; nil if it is cancelled.
    func schema(_ id: UInt32, until deadline: ContinuousClock.Instant) async throws(WorkerError) -> WriterSchema? {
        try await retrying(until: deadline) { () async throws(RegistryClient.Failure) in
            try await self.writerSchema(id).schema
        }
    }

    /// Registers an Avro schema, unless it is registered already, and returns its id. Tries until the
    /// deadline; nil if it is cancelled.
    func register(_ schema: String, subject: String, until deadline: ContinuousClock.Instant) async throws(WorkerError)
        -> Int32?
    {
        try await retrying(until: deadline) { () async throws(RegistryClient.Failure) in
            let body = try? JSONEncoder().encode(["schema": schema])
            let path = "/subjects/\(RegistryClient.escaped(subject))/versions"
            let response = try await client.send(.POST, path, body: body.map { ByteBuffer(bytes: $0) })
            switch response.status.code {
            case 200..<300:
                struct Registered: Decodable { let id: Int32 }
                guard let registered = response.decoded(Registered.self) else {
                    throw RegistryClient.Failure("answers to POST \(path) with no id of a schema")
                }
                return registered.id
            case 409:
                throw RegistryClient.Failure(
                    "does not take the schema of the replies: it is not compatible with what \(subject) has",
                    isFinal: true)
            case 400..<500:
                throw RegistryClient.Failure("answers \(response.told) to POST \(path)", isFinal: true)
            default: throw RegistryClient.Failure("answers \(response.told) to POST \(path)")
            }
        }
    }

    private func retrying<Value: Sendable>(
        until deadline: ContinuousClock.Instant, _ attempt: () async throws(RegistryClient.Failure) -> Value
    ) async throws(WorkerError) -> Value? {
        while true {
            do throws(RegistryClient.Failure) {
                return try await attempt()
            } catch {
                if Task.isCancelled { return nil }
                guard !error.isFinal, ContinuousClock.now < deadline else {
                    throw WorkerError(
                        code: .brokerUnavailable, message: "the schema registry \(client.url) \(error.message)")
                }
            }
            try? await Task.sleep(for: .milliseconds(250))
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
    private func writerSchema(_ id: UInt32) async throws(RegistryClient.Failure) -> (
        schema: WriterSchema, isLasting: Bool
    ) {
        // Registries' ids are an Int32: they would refuse the question.
        guard id <= UInt32(Int32.max) else { return (.unknown, true) }
        let path = "/schemas/ids/\(id)"
        let response = try await client.get(path)
        switch response.status.code {
        case 200: break
        case 400, 422: return (.unknown, false)
        case 404:
            // A proxy's 404, or that of another service, says nothing of the schema.
            guard response.decoded(RegistryClient.Response.Problem.self)?.error_code == 40_403 else {
                throw RegistryClient.Failure(
                    "answers 404 to GET \(path), and not as a schema registry does; is the URL right?")
            }
            return (.unknown, false)
        default: throw RegistryClient.Failure("answers \(response.told) to GET \(path)")
        }
        guard let stored = response.decoded(Stored.self) else {
            throw RegistryClient.Failure("answers to GET \(path) with no schema")
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
    ) async throws(RegistryClient.Failure) -> Bool {
        for reference in references where known.insert("\(reference.subject)/\(reference.version)").inserted {
            let path = "/subjects/\(RegistryClient.escaped(reference.subject))/versions/\(reference.version)"
            let response = try await client.get(path)
            if response.status == .notFound { return false }
            guard response.status == .ok, let stored = response.decoded(Stored.self) else {
                throw RegistryClient.Failure("answers \(response.told) to GET \(path)")
            }
            guard try await gather(stored.references ?? [], into: &texts, known: &known) else { return false }
            texts.append(stored.schema)
        }
        return true
    }
}
