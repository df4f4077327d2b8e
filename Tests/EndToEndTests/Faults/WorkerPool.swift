import AsyncHTTPClient
import Foundation
import NIOCore
import TestSupport

/// Several workers of one group, each in a place of its own that can be emptied and filled again.
final class WorkerPool {
    private let stage: Stage
    private let model: String?
    private let arguments: [String]
    private let hasStableNames: Bool
    private var places: [TriageProcess?]
    let adminPorts: [Int]
    private(set) var kills = 0
    /// Workers that ended by themselves, as they do on a fatal error, and were started again, as a supervisor would.
    private(set) var selfEnds: [String] = []
    /// The most memory that one of the workers had, in MiB, as last looked at.
    private(set) var peakMemory = 0.0

    /// Starts the workers.
    ///
    /// - Parameters:
    ///   - hasStableNames: whether a worker in a place has the name of those before it (`--instance-id`).
    init(
        on stage: Stage, count: Int, model: String? = nil, hasStableNames: Bool = false, arguments: [String] = []
    ) throws {
        self.stage = stage
        self.model = model
        self.arguments = arguments
        self.hasStableNames = hasStableNames
        places = Array(repeating: nil, count: count)
        adminPorts = try (0..<count).map { _ in try freePort() }
        for place in 0..<count { try start(place) }
    }

    /// The places that have a worker.
    var occupied: [Int] { places.indices.filter { places[$0] != nil } }

    var vacant: [Int] { places.indices.filter { places[$0] == nil } }

    func process(_ place: Int) -> TriageProcess? { places[place] }

    func start(_ place: Int) throws {
        guard places[place] == nil else { return }
        let name = hasStableNames ? ["--instance-id", "\(stage.group)-\(place)"] : []
        let admin = ["--admin-port", "\(adminPorts[place])"]
        places[place] = try stage.startWorker(model: model, arguments: name + admin + arguments)
    }

    /// Whether every place has a worker, each worker has partitions of both lanes, and together they have all of them.
    var isAtRest: Bool {
        guard vacant.isEmpty else { return false }
        let shares = adminPorts.map(shares)
        return shares.allSatisfy { $0.count == 2 && $0.allSatisfy { $0 > 0 } }
            && shares.joined().reduce(0, +) == 2 * stage.partitions
    }

    /// How many bulk sentences the workers that run have classified, as their metrics say.
    var classified: Int {
        adminPorts.flatMap { metric(#"triage_worker_sentences_total{lane="bulk",outcome="ok"}"#, at: $0) }.reduce(0, +)
    }

    /// The lanes that the workers that run have, as their metrics say.
    var lanes: Set<String> {
        let shown = adminPorts.flatMap { lines("triage_worker_assigned_partitions{lane=\"", at: $0) }
        return Set(shown.compactMap { $0.split(separator: "\"").dropFirst().first.map(String.init) })
    }

    /// How many partitions a worker has in each lane, as its metrics say; empty if it does not answer.
    private func shares(at port: Int) -> [Int] { metric("triage_worker_assigned_partitions{", at: port) }

    /// The values of a worker's metrics that begin so; empty if it does not answer.
    private func metric(_ prefix: String, at port: Int) -> [Int] {
        lines(prefix, at: port).compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.map { Int($0) }
    }

    private func lines(_ prefix: String, at port: Int) -> [Substring] {
        guard let response = try? HTTPClient.shared.get(url: "http://127.0.0.1:\(port)/metrics").wait(),
            let body = response.body
        else { return [] }
        return String(buffer: body).split(separator: "\n").filter { $0.hasPrefix(prefix) }
    }

    /// `kill -9`.
    func kill(_ place: Int) throws {
        guard let process = places[place] else { return }
        look()
        process.signal(SIGKILL)
        let code = try process.wait()
        if code != -SIGKILL { selfEnds.append("exit \(code): \(process.errors.suffix(500))") }
        places[place] = nil
        kills += 1
    }

    /// Asks it to end, which it has 10 s for.
    ///
    /// - Returns: its exit code; nil if it had not even begun to say anything, and so was ended by the signal itself.
    @discardableResult
    func stop(_ place: Int) throws -> Int32? {
        guard let process = places[place] else { return nil }
        look()
        places[place] = nil
        process.signal(SIGTERM)
        return try exitCode(of: process)
    }

    private func exitCode(of process: TriageProcess) throws -> Int32? {
        let code = try process.wait(within: .seconds(10))
        return code == -SIGTERM && process.errors.isEmpty ? nil : code
    }

    /// Looks how the workers are, and starts those again that ended by themselves.
    func look() {
        for (place, process) in places.enumerated() {
            guard let process else { continue }
            if let memory = process.peakMemory { peakMemory = max(peakMemory, memory) }
            guard !process.isRunning else { continue }
            let code = (try? process.wait()) ?? -1
            selfEnds.append("exit \(code): \(process.errors.suffix(500))")
            places[place] = nil
            try? start(place)
        }
    }

    /// Ends all of them.
    ///
    /// - Returns: the exit codes.
    func stopAll() throws -> [Int32] {
        look()
        let processes = places.compactMap { $0 }
        for place in places.indices { places[place] = nil }
        for process in processes { process.signal(SIGTERM) }
        return try processes.compactMap(exitCode)
    }
}
