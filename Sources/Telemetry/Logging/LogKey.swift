package import Logging

/// All keys of log lines, so that each has one spelling to search for.
package enum LogKey: String, CaseIterable, Sendable {
    // Where in Kafka.
    case topic, partitions, group, lane, lanes
    // What was going on.
    case error, code, reason, count
    // With what: `previous` is the previous model, `library` the Kafka client library.
    case model, previous, delivery, address, client, port, version, library
}

extension Logger {
    /// Gets or sets metadata that this logger adds to all of its lines.
    package subscript(key: LogKey) -> Logger.MetadataValue? {
        get { self[metadataKey: key.rawValue] }
        set { self[metadataKey: key.rawValue] = newValue }
    }

    /// Logs a line with keys, as in `logger.log(level: .info, "model loaded", [.model: "\(identifier)"])`.
    package func log(
        level: Logger.Level, _ message: @autoclosure () -> Logger.Message,
        _ keys: @autoclosure () -> KeyValuePairs<LogKey, Logger.MetadataValue>
    ) {
        log(level: level, message(), metadata: Logger.Metadata(keys()))
    }

    /// Logs at level debug with keys.
    package func debug(
        _ message: @autoclosure () -> Logger.Message,
        _ keys: @autoclosure () -> KeyValuePairs<LogKey, Logger.MetadataValue>
    ) {
        log(level: .debug, message(), keys())
    }

    /// Logs at level info with keys.
    package func info(
        _ message: @autoclosure () -> Logger.Message,
        _ keys: @autoclosure () -> KeyValuePairs<LogKey, Logger.MetadataValue>
    ) {
        log(level: .info, message(), keys())
    }

    /// Logs at level notice with keys.
    package func notice(
        _ message: @autoclosure () -> Logger.Message,
        _ keys: @autoclosure () -> KeyValuePairs<LogKey, Logger.MetadataValue>
    ) {
        log(level: .notice, message(), keys())
    }

    /// Logs at level warning with keys.
    package func warning(
        _ message: @autoclosure () -> Logger.Message,
        _ keys: @autoclosure () -> KeyValuePairs<LogKey, Logger.MetadataValue>
    ) {
        log(level: .warning, message(), keys())
    }

    /// Logs at level error with keys.
    package func error(
        _ message: @autoclosure () -> Logger.Message,
        _ keys: @autoclosure () -> KeyValuePairs<LogKey, Logger.MetadataValue>
    ) {
        log(level: .error, message(), keys())
    }

    /// Logs at level critical with keys.
    package func critical(
        _ message: @autoclosure () -> Logger.Message,
        _ keys: @autoclosure () -> KeyValuePairs<LogKey, Logger.MetadataValue>
    ) {
        log(level: .critical, message(), keys())
    }
}

extension Logger.Metadata {
    /// Metadata with typed keys; the last of several values for a key wins.
    package init(_ pairs: KeyValuePairs<LogKey, Logger.MetadataValue>) {
        self.init(minimumCapacity: pairs.count)
        for (key, value) in pairs { self[key.rawValue] = value }
    }
}
