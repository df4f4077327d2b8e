import Foundation
import Kafka
import Synchronization
import TestSupport

/// The executable under test as a child process. It is killed, at the latest, when its owner lets go or the tests end.
final class TriageProcess: Sendable {
    /// The executable that the build left beside the tests.
    static let executable: URL = {
        let tests = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        let folders = [tests.deletingLastPathComponent(), URL(filePath: ".build/release").absoluteURL]
        let candidates = folders.map { $0.appending(path: "triage") }
        return candidates.first { FileManager.default.isExecutableFile(atPath: $0.path) } ?? candidates[1]
    }()

    private let process = Process()
    private let input = Pipe()
    private let outputText = StreamText()
    private let errorText = StreamText()

    /// Its number among the processes.
    var identifier: Int32 { process.processIdentifier }

    /// Starts the executable. It sees none of the `TRIAGE_` variables of the tests.
    ///
    /// - Parameters:
    ///   - environment: variables besides those of the tests.
    ///   - input: the file that becomes its standard input; nil leaves a pipe that ``send(_:)`` writes to.
    ///   - folder: where it runs; nil means where the tests do.
    ///   - user: who runs it, which takes root; nil means whoever runs the tests.
    init(
        _ arguments: [String], environment: [String: String] = [:], input: URL? = nil, folder: URL? = nil,
        user: UInt32? = nil
    ) throws {
        process.executableURL = URL(filePath: "/usr/bin/setpriv")
        let identity = user.map { ["--reuid", "\($0)", "--regid", "\($0)", "--clear-groups"] } ?? []
        process.arguments = ["--pdeathsig", "KILL"] + identity + [Self.executable.path] + arguments
        process.currentDirectoryURL = folder
        var variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("TRIAGE_") }
        variables.merge(environment) { _, last in last }
        process.environment = variables
        process.standardInput = try input.map { try FileHandle(forReadingFrom: $0) } ?? self.input
        let (outputPipe, errorPipe) = (Pipe(), Pipe())
        process.standardOutput = outputPipe
        process.standardError = errorPipe
        let process = UncheckedProcess(process: process)
        try Launcher.shared.perform { try MockCluster.startProgram { try process.process.run() } }
        outputText.collect(outputPipe)
        errorText.collect(errorPipe)
    }

    /// What it has written to standard output so far.
    var output: String { outputText.text }

    /// What it has written to standard error so far.
    var errors: String { errorText.text }

    var isRunning: Bool { process.isRunning }

    /// Writes to standard input, when it is a pipe.
    func send(_ text: String) throws { try input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }

    func closeInput() { try? input.fileHandleForWriting.close() }

    func signal(_ signal: Int32) { if process.isRunning { kill(process.processIdentifier, signal) } }

    /// Stops it until `SIGCONT`, and returns when each of its threads stands still: on a busy machine that takes its time.
    func suspend() throws {
        signal(SIGSTOP)
        let tasks = "/proc/\(process.processIdentifier)/task"
        try eventually(within: .seconds(10), "every thread to stop") {
            // `PID (NAME) STATE …`, see proc_pid_stat(5).
            try FileManager.default.contentsOfDirectory(atPath: tasks).allSatisfy { task in
                let stat = try String(contentsOfFile: "\(tasks)/\(task)/stat", encoding: .utf8)
                return stat.split(separator: ") ").last?.first == "T"
            }
        }
    }

    /// Waits for the end.
    ///
    /// - Returns: the exit code; a signal's number, negative, when one ended it.
    /// - Throws: ``TimedOut`` with what it wrote to standard error, after killing it.
    @discardableResult
    func wait(within limit: Duration = .seconds(60)) throws -> Int32 {
        let words = process.arguments?.drop { $0 != Self.executable.path } ?? []
        let command = words.dropFirst().prefix(1).joined()
        do {
            try eventually(within: limit, "triage \(command) to end", details: { errors }) { !isRunning }
        } catch {
            signal(SIGKILL)
            throw error
        }
        outputText.waitForEnd()
        errorText.waitForEnd()
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    /// Waits until standard error holds a text.
    func waitForErrors(containing text: String, within limit: Duration = .seconds(30)) throws {
        try eventually(within: limit, "'\(text)' on standard error", details: { errors }) {
            errors.contains(text) || !isRunning
        }
        guard errors.contains(text) else { throw TimedOut(what: "'\(text)' before its end", details: errors) }
    }

    deinit {
        signal(SIGKILL)
        closeInput()
    }
}

/// What came out of a pipe so far. A thread of its own reads it, so that the pipe is never full.
private final class StreamText: Sendable {
    private let data = Mutex(Data())
    private let reader = DispatchGroup()

    func collect(_ pipe: Pipe) {
        reader.enter()
        Thread.detachNewThread { [self] in
            while case let chunk = pipe.fileHandleForReading.availableData, !chunk.isEmpty {
                data.withLock { $0.append(chunk) }
            }
            reader.leave()
        }
    }

    var text: String { data.withLock { String(decoding: $0, as: UTF8.self) } }

    func waitForEnd() { reader.wait() }
}

/// Carries a process over to the launching thread, while its owner waits.
private struct UncheckedProcess: @unchecked Sendable { let process: Process }

/// The thread that starts all children. A child asks to be killed with its parent (`--pdeathsig`), and for Linux that is the
/// thread that started it, so this one lives as long as the tests do.
private final class Launcher: Sendable {
    static let shared = Launcher()

    private let jobs = Mutex<[@Sendable () -> Void]>([])
    private let arrived = DispatchSemaphore(value: 0)

    private init() {
        Thread.detachNewThread { [self] in
            while true {
                arrived.wait()
                jobs.withLock { $0.removeFirst() }()
            }
        }
    }

    /// Runs a job there and waits for it.
    func perform(_ job: @escaping @Sendable () throws -> Void) throws {
        let outcome = Outcome()
        jobs.withLock {
            $0.append {
                outcome.result.withLock { $0 = Result(catching: job) }
                outcome.isThere.signal()
            }
        }
        arrived.signal()
        outcome.isThere.wait()
        try outcome.result.withLock { $0 }?.get()
    }

    private final class Outcome: Sendable {
        let result = Mutex<Result<Void, any Error>?>(nil)
        let isThere = DispatchSemaphore(value: 0)
    }
}
