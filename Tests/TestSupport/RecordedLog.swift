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

    /// Keeps lines of `level` and above.
    public init(level: Logger.Level = .info) { self.level = level }

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
            log.kept.withLock { $0.append(Line(level: event.level, message: "\(event.message)")) }
        }
    }
}
