import Kafka
import Logging
import Telemetry

extension SettingsReader {
    /// Sends the process's log lines to standard error as the settings say, and makes the first logger.
    func startLogging(label: String) throws -> Logger {
        let level = try choice(.logLevel, of: Logger.Level.self) ?? .info
        LineLogHandler.bootstrap(level: level, format: try choice(.logFormat, of: LogFormat.self) ?? .text)
        return Logger(label: label)
    }

    /// Where the Kafka clients of a short command write: nowhere unless asked for, since the command ends with one line
    /// that says what was wrong.
    func kafkaLog() throws -> KafkaLog {
        let level = try choice(.logLevel, of: Logger.Level.self) ?? .critical
        LineLogHandler.bootstrap(level: level, format: try choice(.logFormat, of: LogFormat.self) ?? .text)
        return KafkaLog(logger: Logger(label: "kafka"))
    }
}
