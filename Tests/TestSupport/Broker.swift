import Foundation
import Kafka
import Synchronization

/// A real Kafka broker for tests: an embedded one that is started here, or the one that
/// `TRIAGE_TEST_BOOTSTRAP_SERVERS` names, so that every test can be run against an Apache Kafka.
///
/// An embedded broker stops with `stop`, with its object, or, whatever happens, with the process of the tests.
public final class Broker: Sendable {
    /// Which broker it is.
    public enum Kind: String, Sendable, CaseIterable {
        /// Quick to start, keeps nothing, TLS and SASL.
        case tansu
        /// Low latency, keeps its data over a restart.
        case noida
        /// The one that the environment names; never started or stopped here.
        case given

        /// What the tests that want a broker are run against.
        public static var available: [Kind] { Broker.givenServers == nil ? [.tansu, .noida] : [.given] }
    }

    /// Which broker it is.
    public let kind: Kind
    /// Its address, for `bootstrap.servers`.
    public let bootstrapServers: String
    private let hasStopped = Mutex(false)

    private init(kind: Kind, bootstrapServers: String) {
        self.kind = kind
        self.bootstrapServers = bootstrapServers
    }

    deinit { stop() }

    private static let sharedBrokers = Mutex<[Kind: Result<Broker, BrokerError>]>([:])

    /// The broker that all tests of this process share. Give topics and groups a `uniqueName`.
    public static func shared(_ kind: Kind = Kind.available[0]) throws -> Broker {
        try sharedBrokers.withLock { brokers in
            if let known = brokers[kind] { return known }
            let started = Result { () throws(BrokerError) in try start(kind) }
            brokers[kind] = started
            return started
        }.get()
    }

    /// A broker of one's own, to be stopped, killed or cut off. An external broker is returned as it is.
    ///
    /// - Parameters:
    ///   - kind: which one.
    ///   - port: 0 takes a free one.
    ///   - arguments: more options of `compose/local/broker start`.
    public static func start(
        _ kind: Kind, port: Int = 0, arguments: [String] = []
    ) throws(BrokerError) -> Broker {
        if let servers = givenServers { return Broker(kind: .given, bootstrapServers: servers) }
        let options = ["start", "--kind", kind.rawValue, "--port", "\(port)"]
        // The owner is this process: the broker ends with it even if nobody stops it.
        let owner = ["--while", "\(ProcessInfo.processInfo.processIdentifier)"]
        let output = try command(options + owner + arguments)
        return Broker(kind: kind, bootstrapServers: output)
    }

    /// Ends an embedded broker. Safe to call twice.
    ///
    /// - Parameters:
    ///   - kill: without asking (`SIGKILL`).
    ///   - keepData: the next start on this port finds the data, if the kind keeps any.
    public func stop(kill: Bool = false, keepData: Bool = false) {
        let isFirst = hasStopped.withLock { stopped in
            defer { stopped = true }
            return !stopped
        }
        guard isFirst, kind != .given else { return }
        let options = (kill ? ["--kill"] : []) + (keepData ? ["--keep-data"] : [])
        _ = try? Self.command(["stop", "--port", "\(port)"] + options)
    }

    /// Freezes an embedded broker (`SIGSTOP`), which keeps its connections, or lets it go on (`SIGCONT`).
    public func signal(_ signal: Int32) throws(BrokerError) {
        let file = ProjectFolder.url.appending(path: ".deps/run/broker-\(port)/pid")
        let words = try? String(contentsOf: file, encoding: .utf8).split(separator: " ")
        guard kind != .given, let process = words?.first.flatMap({ pid_t($0) }), kill(process, signal) == 0 else {
            throw BrokerError(message: "no process of the broker \(bootstrapServers) can be signalled")
        }
    }

    /// The port that it listens on.
    public var port: Int { Int(bootstrapServers.split(separator: ":").last ?? "") ?? 0 }

    /// Makes a topic with a name of its own, which it returns.
    public func createTopic(_ prefix: String = "topic", partitions: Int = 1) throws -> String {
        let name = uniqueName(prefix)
        let admin = try AdminClient(
            properties: ["bootstrap.servers": bootstrapServers], log: KafkaLog(logger: RecordedLog().logger))
        for case (_, .failed(let error)) in try admin.createTopics([
            TopicSpecification(name: name, partitions: partitions, replicationFactor: 1)
        ]) {
            throw error
        }
        return name
    }

    private static var givenServers: String? {
        let servers = ProcessInfo.processInfo.environment["TRIAGE_TEST_BOOTSTRAP_SERVERS"]
        return servers.flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func command(_ arguments: [String]) throws(BrokerError) -> String {
        let path = ProjectFolder.url.appending(path: "compose/local/broker").path
        let outcome: Command.Outcome
        do {
            outcome = try Command.run(path, arguments)
        } catch {
            throw BrokerError(message: error.description)
        }
        guard outcome.status == 0 else { throw BrokerError(message: outcome.errors) }
        return outcome.output
    }
}

/// Why there is no broker.
public struct BrokerError: Error, CustomStringConvertible {
    let message: String
    /// What `compose/local/broker` said.
    public var description: String { message }
}
