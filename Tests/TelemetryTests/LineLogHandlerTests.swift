import Foundation
import Glibc
import Logging
import Synchronization
import Telemetry
import Testing

@Suite("Log lines")
struct LineLogHandlerTests {
    /// Keeps lines instead of writing them.
    private final class Lines: Sendable {
        private let kept = Mutex<[String]>([])

        func keep(_ line: String) { kept.withLock { $0.append(line) } }

        /// The lines without the 24 characters of their time.
        var withoutTime: [String] { all.map { String($0.dropFirst(25)) } }

        var all: [String] { kept.withLock { $0 } }
    }

    private let lines = Lines()

    private func logger(_ format: LogFormat = .text) -> Logger {
        Logger(label: "worker") { [lines] in
            LineLogHandler(label: $0, level: .debug, format: format) { lines.keep($0) }
        }
    }

    @Test("time, level, label, message, keys in order")
    func text() throws {
        var logger = logger()
        logger[.group] = "triage"
        logger.warning("slow broker", [.client: "192.0.2.7", .reason: "3 s", .address: ""])
        logger.info("plain")
        logger.trace("not written")
        #expect(
            lines.withoutTime == [
                "warning worker slow broker address=\"\" client=192.0.2.7 group=triage reason=\"3 s\"\n",
                "info worker plain group=triage\n",
            ])
        let time = try #require(lines.all.first?.prefix(25))
        #expect(time.wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /#) != nil)
    }

    @Test("what a peer sent cannot forge a line")
    func control() {
        logger().error("bad\nname\u{1B}[31m\u{2028}", [.reason: "x\r\n2026-01-01 info gateway \"hello\""])
        #expect(lines.all.count == 1)
        #expect(lines.all.first?.filter(\.isNewline).count == 1)
        #expect(
            lines.withoutTime.first
                == #"error worker bad\nname\u001b[31m\u2028 reason="x\r\n2026-01-01 info gateway \"hello\"""# + "\n")
    }

    @Test("JSON lines are JSON")
    func json() throws {
        struct Line: Decodable, Equatable {
            var time, level, logger, message, topic, error: String
        }
        logger(.json).critical("lost \"é\"\n\\\u{0}", error: LogFailure(), metadata: ["topic": "a\tb"])
        let line = try JSONDecoder().decode(Line.self, from: Data((lines.all.first ?? "").utf8))
        #expect(line.level == "critical")
        #expect(line.logger == "worker")
        #expect(line.message == "lost \"é\"\n\\\u{0}")
        #expect(line.topic == "a\tb")
        #expect(line.error == "it failed")
        #expect(line.time.count == 24)
    }

    @Test("lines that nobody takes are dropped, told of once somebody does, and hold nobody up")
    func stuckReader() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        let output = LineOutput(descriptor: ends[1])
        let line = String(repeating: "x", count: 999) + "\n"
        // More than a pipe holds.
        for _ in 0..<200 { output.write(line) }
        func read() -> String {
            var bytes = [UInt8](repeating: 0, count: 1 << 20)
            let count = Glibc.read(ends[0], &bytes, bytes.count)
            return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
        }
        let taken = read().split(separator: "\n")
        #expect(taken.count > 10 && taken.allSatisfy { $0.count == 999 })
        output.write("again\n")
        output.write("and again\n")
        let dropped = 200 - taken.count
        #expect(read() == "\(dropped) lines were not written here, since nobody read them\nagain\nand again\n")
    }

    private struct LogFailure: Error, CustomStringConvertible {
        var description: String { "it failed" }
    }

    @Test("keys are evaluated only for lines that are written")
    func lazily() {
        let evaluated = Atomic(0)
        func value() -> Logger.MetadataValue { "\(evaluated.add(1, ordering: .relaxed).newValue)" }
        var quiet = logger()
        quiet.logLevel = .error
        quiet.info("no", [.count: value()])
        #expect(evaluated.load(ordering: .relaxed) == 0)
        quiet.error("yes", [.count: value()])
        #expect(evaluated.load(ordering: .relaxed) == 1)
    }

    @Test("loggers are values: what one adds, a copy does not have")
    func values() {
        var first = logger()
        let second = first
        first[.lane] = "bulk"
        second.info("copy")
        first.info("first")
        #expect(lines.withoutTime == ["info worker copy\n", "info worker first lane=bulk\n"])
        #expect(first[.lane] == "bulk")
    }
}
