import Foundation

/// Every setting of every command, by the name of its flag.
///
/// A setting comes from its flag (`--cache-size 0`), the environment (`TRIAGE_CACHE_SIZE=0`), the file given with
/// `--config` (`cache-size: 0`) or its default, in this order. One file may serve all commands, so a name is unknown
/// only if no command has it.
enum Setting: String, CaseIterable {
    // Every command
    case config
    case logLevel = "log-level"
    case logFormat = "log-format"

    // Kafka
    case bootstrapServers = "bootstrap-servers"
    case kafka
    case kafkaSecret = "kafka-secret"
    case topicRequests = "topic-requests"
    case topicInteractive = "topic-interactive"
    case topicReplies = "topic-replies"
    case topicGatewayReplies = "topic-gateway-replies"
    case topicDeadLetters = "topic-dead-letters"
    case partitions
    case replicationFactor = "replication-factor"

    // Worker and gateway
    case instanceID = "instance-id"
    case maxTextBytes = "max-text-bytes"

    // Worker
    case model
    case modelCheckInterval = "model-check-interval"
    case encoderThreads = "encoder-threads"
    case maxTokens = "max-tokens"
    case group
    case groupProtocol = "group-protocol"
    case lanes
    case delivery
    case allowReplyTopics = "allow-reply-topics"
    case textField = "text-field"
    case idField = "id-field"
    case defaultContentType = "default-content-type"
    case copyHeaders = "copy-headers"
    case schemaRegistryURL = "schema-registry-url"
    case schemaRegistryAuth = "schema-registry-auth"
    case schemaRegistryCA = "schema-registry-ca"
    case replyFormat = "reply-format"
    case replyEncoding = "reply-encoding"
    case enrichField = "enrich-field"
    case top
    case replyHeaders = "reply-headers"
    case unsureBelow = "unsure-below"
    case unsureLabel = "unsure-label"
    case route
    case batchSize = "batch-size"
    case batchesInFlight = "batches-in-flight"
    case bulkPriority = "bulk-priority"
    case transactionAge = "transaction-age"
    case sessionTimeout = "session-timeout"
    case startTimeout = "start-timeout"
    case shutdownTimeout = "shutdown-timeout"
    case adminHost = "admin-host"
    case adminPort = "admin-port"

    // Gateway
    case host
    case port
    case replyPartition = "reply-partition"
    case requestTimeout = "request-timeout"
    case cacheSize = "cache-size"
    case cacheTTL = "cache-ttl"
    case maxWaiting = "max-waiting"
    case maxBatch = "max-batch"
    case maxConnections = "max-connections"
    case maxBodyBytes = "max-body-bytes"
    case maxHeldBytes = "max-held-bytes"
    case maxHeaderBytes = "max-header-bytes"
    case idleTimeout = "idle-timeout"
    case headTimeout = "head-timeout"
    case bodyTimeout = "body-timeout"
    case writeTimeout = "write-timeout"
    case streamWindow = "stream-window"
    case apiKeys = "api-keys"
    case tlsCertificate = "tls-certificate"
    case tlsKey = "tls-key"
    case corsOrigins = "cors-origins"
    case docsAssets = "docs-assets"

    /// `TRIAGE_CACHE_SIZE` for `cache-size`.
    var environmentVariable: String {
        "TRIAGE_" + rawValue.uppercased().replacingOccurrences(of: "-", with: "_")
    }

    init?(environmentVariable: String) {
        guard let setting = Self.allCases.first(where: { $0.environmentVariable == environmentVariable }) else {
            return nil
        }
        self = setting
    }

    /// Settings by case name.
    static let named = Dictionary(uniqueKeysWithValues: allCases.map { ("\($0)", $0) })

    /// The settings that hold `NAME=VALUE` pairs for librdkafka.
    static let propertySettings: [Setting] = [.kafkaSecret, .kafka]

    /// The settings that hold pairs: a mapping in a file, and repeatable as flags.
    static let pairSettings = propertySettings + [.route]

    /// Whether a variable belongs to another setting: `TRIAGE_KAFKA_SECRET_…` also begins with `TRIAGE_KAFKA_`.
    func isShadowed(variable: String) -> Bool {
        self == .kafka && variable.hasPrefix(Setting.kafkaSecret.environmentVariable + "_")
    }

    /// Rejects `TRIAGE_…` variables that no command knows, so that a misspelt one is not silently ignored.
    ///
    /// Variables that Kubernetes derives from service names (`TRIAGE_GATEWAY_SERVICE_HOST`,
    /// `TRIAGE_GATEWAY_PORT_80_TCP`) and those of tests (`TRIAGE_TEST_…`) are allowed.
    static func refuseUnknown(environment: [String: String]) throws(CommandFailure) {
        for setting in propertySettings where environment[setting.environmentVariable] != nil {
            let example = setting == .kafka ? "SECURITY_PROTOCOL=SASL_SSL" : "SASL_PASSWORD=FILE"
            throw CommandFailure.usage(
                "\(setting.environmentVariable): each property has a variable of its own, such as "
                    + "\(setting.environmentVariable)_\(example)")
        }
        for variable in environment.keys.sorted() where variable.hasPrefix("TRIAGE_") {
            let isProperty = propertySettings.contains { variable.hasPrefix($0.environmentVariable + "_") }
            let isServiceLink =
                variable.hasSuffix("_SERVICE_HOST") || variable.contains("_SERVICE_PORT")
                || (variable.contains("_PORT") && environment[variable]?.contains("://") == true)
                || variable.contains("_PORT_") && variable.contains("_TCP")
            if isProperty || isServiceLink || variable.hasPrefix("TRIAGE_TEST_") { continue }
            guard Setting(environmentVariable: variable) == nil else { continue }
            let name = variable.dropFirst("TRIAGE_".count).lowercased().replacingOccurrences(of: "_", with: "-")
            throw CommandFailure.usage(
                "unknown setting \(variable) in the environment\(suggestion(for: name) { $0.environmentVariable })")
        }
    }

    /// `; did you mean …?` for a name that is nearly right, else an empty string.
    static func suggestion(for name: String, spelling: (Setting) -> String = { $0.rawValue }) -> String {
        let near = allCases.map { (setting: $0, distance: editDistance($0.rawValue, name)) }.min {
            $0.distance < $1.distance
        }
        guard let near, near.distance <= 3 else { return "" }
        return "; did you mean \(spelling(near.setting))?"
    }
}

/// The Levenshtein distance in characters.
private func editDistance(_ first: String, _ second: String) -> Int {
    let second = Array(second)
    var row = Array(0...second.count)
    for (line, character) in first.enumerated() {
        var diagonal = row[0]
        row[0] = line + 1
        for column in second.indices {
            let substitution = diagonal + (character == second[column] ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(substitution, diagonal + 1, row[column] + 1)
        }
    }
    return row[second.count]
}
