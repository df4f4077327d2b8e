package import Logging
import Platform

/// The format of log lines.
package enum LogFormat: String, CaseIterable, Sendable {
    /// `2026-01-02T03:04:05.678Z info worker message key=value`
    case text
    /// `{"time":"…","level":"info","logger":"worker","message":"…","key":"value"}`
    case json
}

/// Writes each log event as one line. Control characters are escaped, so that a peer's text cannot forge a line.
package struct LineLogHandler: LogHandler {
    /// Receives one line, including its line feed. Called on the logging thread.
    package typealias Output = @Sendable (_ line: String) -> Void

    /// The least severe level that is written.
    package var logLevel: Logger.Level
    /// Added to every line.
    package var metadata: Logger.Metadata = [:]
    /// Queried for more metadata for every line.
    package var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let format: LogFormat
    private let output: Output

    /// Creates a handler for the logger with this label.
    package init(
        label: String, level: Logger.Level = .info, format: LogFormat = .text,
        output: @escaping Output = StandardError.write
    ) {
        self.label = label
        self.format = format
        self.output = output
        logLevel = level
    }

    /// Gets or sets what is added to every line.
    package subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes the event as one line.
    package func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { $1 } }
        if let given = event.metadata { fields.merge(given) { $1 } }
        if let error = event.error { fields[LogKey.error.rawValue] = "\(error)" }
        let pairs = fields.sorted { $0.key < $1.key }
        var line = ""
        switch format {
        case .text:
            line += "\(Timestamp.text(milliseconds: UnixTime.milliseconds)) \(event.level.rawValue) \(label) "
            line += LineEscaping.plain(event.message.description)
            for (key, value) in pairs { line += " \(key)=\(LineEscaping.quotedIfNeeded(value.description))" }
        case .json:
            line +=
                "{\"time\":\"\(Timestamp.text(milliseconds: UnixTime.milliseconds))\",\"level\":\"\(event.level.rawValue)\",\"logger\":"
            line += "\(LineEscaping.json(label)),\"message\":\(LineEscaping.json(event.message.description))"
            for (key, value) in pairs { line += ",\(LineEscaping.json(key)):\(LineEscaping.json(value.description))" }
            line += "}"
        }
        line += "\n"
        output(line)
    }
}

extension LineLogHandler {
    /// Makes every `Logger` of the process write lines to standard error. Call once, at start.
    package static func bootstrap(level: Logger.Level = .info, format: LogFormat = .text) {
        LoggingSystem.bootstrap { label in LineLogHandler(label: label, level: level, format: format) }
    }
}
