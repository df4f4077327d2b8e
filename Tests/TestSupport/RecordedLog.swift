public import Logging
import Synchronization

/// Keeps log lines, so that a test can ask what was said.
public final class RecordedLog: Sendable {
    /// One line.
    public struct Line: Sendable, Hashable, CustomStringConvertible {
        /// How urgent it is.
        public let level: Logger.Level
        /// What it says.
        public let message: String
        /// `LEVEL MESSAGE`.
        public var description: String { "\(level) \(message)" }
    }

    private let kept = Mutex<[Line]>([])
    private let level: Logger.Level
    private let onLine: (@Sendable (Line) -> Void)?

    /// Keeps lines of `level` and above.
    ///
    /// - Parameter onLine: takes each of them too, on the thread that writes it, which waits.
    public init(level: Logger.Level = .info, onLine: (@Sendable (Line) -> Void)? = nil) {
        self.level = level
        self.onLine = onLine
    }

    /// The lines so far.
    public var lines: [Line] { kept.withLock { $0 } }

    /// A logger that writes here.
    public var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(log: self) }
        logger.logLevel = level
        return logger
    }

    private struct Handler: LogHandler {
        let log: RecordedLog
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = Line(level: event.level, message: "\(event.message)")
            log.kept.withLock { $0.append(line) }
            log.onLine?(line)
        }
    }
}
