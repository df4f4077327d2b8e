import Foundation
import Glibc
import Kafka

/// Runs a program to its end.
///
/// Foundation's `Process` waits until everything that the program left running in the background has ended too, so it
/// cannot start a broker; this waits for the program alone.
public struct Command: Sendable {
    /// What a program left behind.
    public struct Outcome: Sendable {
        /// Its exit status; -1 if a signal ended it.
        public let status: Int32
        /// What it wrote to standard output, without the space at its ends.
        public let output: String
        /// What it wrote to standard error, without the space at its ends.
        public let errors: String
    }

    /// Why a program could not be started.
    public struct NotStarted: Error, CustomStringConvertible {
        /// The path and the reason.
        public let description: String
    }

    /// Runs the program at `path` and waits for it. Blocks the thread.
    ///
    /// - Parameter input: what it reads from standard input, in pieces.
    public static func run(
        _ path: String, _ arguments: [String], input: [[UInt8]] = []
    ) throws(NotStarted) -> Outcome {
        let source = try Capture()
        try source.fill(with: input)
        let output = try Capture()
        let errors = try Capture()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, source.descriptor, 0)
        posix_spawn_file_actions_adddup2(&actions, output.descriptor, 1)
        posix_spawn_file_actions_adddup2(&actions, errors.descriptor, 2)
        // What the tests have open is none of its business: a broker would keep their sockets alive. Closed here, and
        // not by the exec, they are closed before `posix_spawn` returns, which `startProgram` counts on.
        for descriptor in 3..<descriptorBound { posix_spawn_file_actions_addclose(&actions, descriptor) }
        // A test may run on a thread that blocks signals, and a broker that inherits that cannot be asked to end.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var words = ([path] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process = pid_t()
        let failure = MockCluster.startProgram { posix_spawn(&process, path, &actions, &attributes, &words, environ) }
        guard failure == 0 else { throw NotStarted(description: "\(path): \(String(cString: strerror(failure)))") }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        let hasExited = status & 0x7f == 0
        return Outcome(status: hasExited ? status >> 8 & 0xff : -1, output: output.text(), errors: errors.text())
    }

    /// Above every open descriptor, with room for those that other threads open meanwhile. More than a thousand are open when
    /// all tests run.
    private static var descriptorBound: Int32 {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return max(1_024, names.compactMap { Int32($0) }.max() ?? 0) + 512
    }
}

/// A nameless file for what a program reads or writes: unlike a pipe it cannot fill, and nobody needs to close it first, or ends
/// by a signal because the other has.
private final class Capture {
    let descriptor: Int32

    init() throws(Command.NotStarted) {
        var template = Array("/tmp/triage-test-XXXXXX".utf8CString)
        descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw Command.NotStarted(description: "no temporary file") }
        unlink(template)
    }

    deinit { close(descriptor) }

    /// Writes the pieces, to be read from the first on.
    func fill(with pieces: [[UInt8]]) throws(Command.NotStarted) {
        for piece in pieces {
            var rest = piece[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
                guard count > 0 else { throw Command.NotStarted(description: "a temporary file cannot be written") }
                rest = rest.dropFirst(count)
            }
        }
        lseek(descriptor, 0, SEEK_SET)
    }

    func text() -> String {
        var bytes = [UInt8](repeating: 0, count: Int(lseek(descriptor, 0, SEEK_END)))
        let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        let text = String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
