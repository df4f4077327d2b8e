import ArgumentParser

/// Flags that are settings, each named like its ``Setting``: `--cache-size` is `cacheSize` in both.
///
/// A flag is declared once, as an option. Reflection reads the values from the options.
protocol SettingFlags {}

extension SettingFlags {
    /// The flags' values as typed; absent flags are omitted.
    var values: [Setting: String] {
        var values: [Setting: String] = [:]
        for option in Mirror(reflecting: self).children {
            // The property behind `@Option var cacheSize` is `_cacheSize`.
            guard let name = option.label?.dropFirst(), let option = option.value as? Option<String?>,
                let text = option.wrappedValue
            else { continue }
            guard let setting = Setting.named[String(name)] else { preconditionFailure("--\(name) is no setting") }
            values[setting] = text
        }
        return values
    }
}

/// Settings of every command.
struct GeneralFlags: ParsableArguments, SettingFlags {
    @Option(help: ArgumentHelp("YAML or JSON file of settings, named as the flags are.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("trace, debug, info, notice, warning or error. (default: info)", valueName: "level"))
    var logLevel: String?

    @Option(
        help: ArgumentHelp("text or json, one line an event on standard error. (default: text)", valueName: "format"))
    var logFormat: String?
}

/// How to reach Kafka.
struct KafkaFlags: ParsableArguments, SettingFlags {
    @Option(
        help: ArgumentHelp(
            "Brokers to ask for the cluster's members. (default: 127.0.0.1:9092)", valueName: "host:port,…"))
    var bootstrapServers: String?

    @Option(
        name: .customLong("kafka"),
        help: ArgumentHelp(
            "Any librdkafka property, such as security.protocol=SASL_SSL. Repeatable.", valueName: "name=value"))
    var properties: [String] = []

    @Option(
        name: .customLong("kafka-secret"),
        help: ArgumentHelp(
            "A librdkafka property whose value is read from a file, such as sasl.password=/run/secrets/kafka. Repeatable.",
            valueName: "name=file"))
    var secrets: [String] = []
}

/// The names of the topics.
struct TopicFlags: ParsableArguments, SettingFlags {
    @Option(help: ArgumentHelp("Topic of the bulk lane. (default: sentences)", valueName: "topic"))
    var topicRequests: String?

    @Option(help: ArgumentHelp("Topic of the interactive lane. (default: sentences.interactive)", valueName: "topic"))
    var topicInteractive: String?

    @Option(help: ArgumentHelp("Topic of replies. (default: classifications)", valueName: "topic"))
    var topicReplies: String?

    @Option(help: ArgumentHelp("Topic of replies to gateways. (default: classifications.replies)", valueName: "topic"))
    var topicGatewayReplies: String?

    @Option(
        help: ArgumentHelp(
            "Topic of requests that could not be classified. (default: sentences.dead-letters)", valueName: "topic"))
    var topicDeadLetters: String?
}

extension SettingsReader {
    /// Reads the settings of a command that talks to Kafka.
    init(general: GeneralFlags, kafka: KafkaFlags, routes: [String] = [], _ others: any SettingFlags...) throws {
        var flags = general.values.merging(kafka.values) { _, last in last }
        for other in others { flags.merge(other.values) { _, last in last } }
        try self.init(
            flags: flags, properties: [.kafka: kafka.properties, .kafkaSecret: kafka.secrets, .route: routes],
            configurationFile: general.config)
    }
}
