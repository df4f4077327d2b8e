import ArgumentParser
import Classification
import Foundation
import Kafka
import Messages
import Platform
import Worker

/// The flags of `triage worker` beyond those of Kafka and the topics.
struct WorkerFlags: ParsableArguments, SettingFlags {
    @Option(
        help: ArgumentHelp(
            "The model: a file, or a folder for one with an encoder. It is loaded again on SIGHUP and when it changes.",
            valueName: "path"))
    var model: String?

    @Option(
        help: ArgumentHelp(
            "Threads for each lane's encoder; 1 is the lane's own thread. (default: 1)", valueName: "count"))
    var encoderThreads: String?

    @Option(
        help: ArgumentHelp(
            "An encoder reads this many tokens of a sentence. (default: as the model was trained, or 128)",
            valueName: "count"))
    var maxTokens: String?

    @Option(
        help: ArgumentHelp(
            "How often the model's file is looked at; 0s leaves it to SIGHUP. (default: 2s)", valueName: "duration"))
    var modelCheckInterval: String?

    @Option(
        help: ArgumentHelp(
            "Consumer group of the bulk lane; NAME-interactive is the other's. (default: triage)", valueName: "name"))
    var group: String?

    @Option(
        help: ArgumentHelp(
            "Who shares out the partitions: a worker (classic), or the brokers (consumer; Kafka 4.0). (default: classic)",
            valueName: "protocol"))
    var groupProtocol: String?

    @Option(
        help: ArgumentHelp(
            "both, or bulk or interactive alone: lanes on processes of their own. (default: both)", valueName: "lanes"))
    var lanes: String?

    @Option(
        name: .customLong("instance-id"),
        help: ArgumentHelp(
            "This worker's own name, stable over restarts: static membership, and needed for exactly-once.",
            valueName: "name"))
    var instanceID: String?

    @Option(
        help: ArgumentHelp(
            "at-least-once, or exactly-once for the bulk lane. (default: at-least-once)", valueName: "guarantee"))
    var delivery: String?

    @Option(
        help: ArgumentHelp(
            "Topics that requests may name for their reply. (default: the two reply topics)", valueName: "topic,…"))
    var allowReplyTopics: String?

    @Option(
        help: ArgumentHelp(
            "Where the sentence is in a JSON value: JSON Pointers, joined by a space. (default: /text)",
            valueName: "pointer,…"))
    var textField: String?

    @Option(help: ArgumentHelp("Where the id is in a JSON value: a JSON Pointer. (default: /id)", valueName: "pointer"))
    var idField: String?

    @Option(
        help: ArgumentHelp(
            "What a record without content-type is: application/json, text/plain or application/cloudevents+json. (default: application/json)",
            valueName: "type"))
    var defaultContentType: String?

    @Option(
        help: ArgumentHelp(
            "Headers of the request that the reply carries too; all for every one without a meaning of its own. (default: none)",
            valueName: "name,…"))
    var copyHeaders: String?

    @Option(
        name: .customLong("schema-registry-url"),
        help: ArgumentHelp(
            "Schema registry of values in its framing: Avro is read then, and can be written. (default: none)",
            valueName: "url"))
    var schemaRegistryURL: String?

    @Option(help: ArgumentHelp("File with user:password for the schema registry.", valueName: "file"))
    var schemaRegistryAuth: String?

    @Option(
        name: .customLong("schema-registry-ca"),
        help: ArgumentHelp(
            "PEM file of the authorities of the schema registry's certificate. (default: the system's)",
            valueName: "file"))
    var schemaRegistryCA: String?

    @Option(help: ArgumentHelp("Longest sentence, in bytes of UTF-8. (default: 8192)", valueName: "bytes"))
    var maxTextBytes: String?

    @Option(help: ArgumentHelp("Most sentences in a batch of the bulk lane. (default: 1000)", valueName: "count"))
    var batchSize: String?

    @Option(
        help: ArgumentHelp("Most batches of the bulk lane awaiting acknowledgement. (default: 16)", valueName: "count"))
    var batchesInFlight: String?

    @Option(
        help: ArgumentHelp(
            "CPU priority of the bulk lane: normal, low (a tenth of the normal share) or idle (what nothing else wants). (default: normal)",
            valueName: "priority"))
    var bulkPriority: String?

    @Option(
        help: ArgumentHelp(
            "Exactly once: a transaction ends at this age; readers see nothing of it before. (default: 200ms)",
            valueName: "duration"))
    var transactionAge: String?

    @Option(
        help: ArgumentHelp(
            "With the classic group protocol: a worker that is silent for this long loses its partitions. (default: 10s)",
            valueName: "duration"))
    var sessionTimeout: String?

    @Option(
        help: ArgumentHelp(
            "How long to wait for the broker and the topics at start. (default: 30s)", valueName: "duration")
    )
    var startTimeout: String?

    @Option(help: ArgumentHelp("On SIGTERM, finish within this time. (default: 8s)", valueName: "duration"))
    var shutdownTimeout: String?

    @Option(help: ArgumentHelp("Address of the admin endpoint. (default: 127.0.0.1)", valueName: "address"))
    var adminHost: String?

    @Option(
        help: ArgumentHelp(
            "Port of /health and /metrics; 0 takes a free one. (default: no endpoint)", valueName: "port"))
    var adminPort: String?
}

/// The flags of `triage worker` that say what replies hold and what is decided.
struct ReplyFlags: ParsableArguments, SettingFlags {
    @Option(
        help: ArgumentHelp(
            "Replies to requests that name no reply topic: full, flat (one column each) or enriched (the request's own "
                + "object with one field more). (default: full)", valueName: "format"))
    var replyFormat: String?

    @Option(help: ArgumentHelp("The field that enriched replies add. (default: classification)", valueName: "name"))
    var enrichField: String?

    @Option(
        help: ArgumentHelp(
            "json, or avro: flat replies in the schema registry's framing. (default: json)", valueName: "encoding"))
    var replyEncoding: String?

    @Option(
        help: ArgumentHelp(
            "Most classes in 'probabilities', the likeliest first. (default: all, in the model's order)",
            valueName: "count"))
    var top: String?

    @Option(
        help: ArgumentHelp(
            "What replies repeat as headers: label (triage-label), confidence (triage-confidence). (default: none)",
            valueName: "name,…"))
    var replyHeaders: String?

    @Option(
        help: ArgumentHelp(
            "A reply whose likeliest class is less probable than this is unsure: a number from 0 to 1, or 'model' for "
                + "what the model was trained for. (default: none is)", valueName: "probability"))
    var unsureBelow: String?

    @Option(help: ArgumentHelp("The label of unsure replies. (default: unsure)", valueName: "label"))
    var unsureLabel: String?

    @OptionGroup var routing: RouteFlags
}

/// Topics for replies by label.
struct RouteFlags: ParsableArguments {
    @Option(
        name: .customLong("route"),
        help: ArgumentHelp(
            "Replies with this label go to this topic; unsure=TOPIC and error=TOPIC too. Repeatable.",
            valueName: "label=topic"))
    var routes: [String] = []
}

extension SettingsReader {
    /// The topics by label. The label may hold `=`, a topic cannot.
    func routes() throws -> [ReplySettings.Route] {
        try pairs(.route).map { pair in
            guard TopicNames.isValid(pair.value), !pair.name.isEmpty else {
                throw CommandFailure.usage(
                    "\(pair.origin): '\(pair.name)=\(pair.value)' is not LABEL=TOPIC, such as unsure=sentences.review")
            }
            return ReplySettings.Route(label: pair.name, topic: pair.value)
        }
    }

    private func replySettings() throws -> ReplySettings {
        var replies = ReplySettings()
        replies.encoding = try choice(.replyEncoding, of: ReplySettings.Encoding.self) ?? replies.encoding
        // Only flat replies can be Avro.
        replies.format =
            try choice(.replyFormat, of: ReplyFormat.self) ?? (replies.encoding == .avro ? .flat : replies.format)
        replies.enrichField = try text(.enrichField) ?? replies.enrichField
        replies.top = try integer(.top, in: 1...100)
        replies.headers = try Set(
            value(.replyHeaders, expected: "a list of label and confidence") { text in
                let names = text.split(separator: ",", omittingEmptySubsequences: false)
                let headers = names.compactMap {
                    ReplySettings.Header(rawValue: $0.trimmingCharacters(in: .whitespaces))
                }
                return headers.count == names.count ? headers : nil
            } ?? [])
        replies.unsureBelow = try value(.unsureBelow, expected: "a number from 0 to 1, or 'model'") { text in
            if text == "model" { return .model }
            return Double(text).flatMap { (0...1).contains($0) ? .fixed($0) : nil }
        }
        replies.unsureLabel = try text(.unsureLabel) ?? replies.unsureLabel
        replies.routes = try routes()
        return replies
    }

    private func registrySettings() throws -> SchemaRegistrySettings? {
        let address = try value(
            .schemaRegistryURL, expected: "a URL such as https://registry:8081, without a user in it"
        ) { text -> String? in
            guard let url = URL(string: text), ["http", "https"].contains(url.scheme), url.host() != nil,
                (1...65_535).contains(url.port ?? 80), url.user() == nil, url.query() == nil, url.fragment() == nil
            else { return nil }
            return text.hasSuffix("/") ? String(text.dropLast()) : text
        }
        let (login, authorities) = (try text(.schemaRegistryAuth), try text(.schemaRegistryCA))
        guard let address else {
            guard login == nil, authorities == nil else {
                throw CommandFailure.usage("--schema-registry-auth and --schema-registry-ca need --schema-registry-url")
            }
            return nil
        }
        var settings = SchemaRegistrySettings(url: address, authorities: authorities)
        if let login { settings.login = try registryLogin(login) }
        if let authorities { _ = try smallFile(authorities, .schemaRegistryCA) }
        return settings
    }

    private func registryLogin(_ path: String) throws -> String {
        let login = try smallFile(path, .schemaRegistryAuth).trimmingCharacters(in: .newlines)
        guard login.contains(":"), !login.contains("\n") else {
            throw CommandFailure.badData("--schema-registry-auth \(path): the file holds one line, user:password")
        }
        return login
    }

    private func smallFile(_ path: String, _ setting: Setting) throws -> String {
        do throws(SmallFile.Failure) {
            return try SmallFile.text(path)
        } catch {
            throw CommandFailure.noInput("--\(setting.rawValue) \(path): cannot read the file: \(error.reason)")
        }
    }

    private func pointer(_ setting: Setting) throws -> String? {
        try value(setting, expected: "a JSON Pointer, such as /id or /payload/after/id") {
            JSONPointer($0) == nil ? nil : $0
        }
    }

    private func pointers(_ setting: Setting) throws -> [String]? {
        try value(setting, expected: "a list of JSON Pointers, such as /subject,/body/text") { text in
            let pointers = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            return pointers.allSatisfy { JSONPointer($0) != nil } ? pointers : nil
        }
    }

    private func copiedHeaders() throws -> CopiedHeaders? {
        try value(.copyHeaders, expected: "'all', or names of headers without a meaning of their own") { text in
            if text == "all" { return .all }
            let names = text.split(separator: ",").map { Array($0.trimmingCharacters(in: .whitespaces).utf8) }
            let isFine =
                !names.isEmpty
                && names.allSatisfy { name in
                    !name.isEmpty && !name.withUnsafeBytes(HeaderName.hasMeaning)
                }
            return isFine ? .named(names) : nil
        }
    }

    /// Reads the worker's settings; unset ones keep their defaults.
    func workerConfiguration() throws -> WorkerConfiguration {
        var configuration = WorkerConfiguration()
        configuration.kafka = try kafkaProperties()
        configuration.topics = try topicNames()
        configuration.group = try text(.group) ?? configuration.group
        configuration.groupProtocol =
            try choice(.groupProtocol, of: WorkerConfiguration.GroupProtocol.self) ?? configuration.groupProtocol
        configuration.lanes = try choice(.lanes, of: WorkerConfiguration.Lanes.self) ?? configuration.lanes
        configuration.instanceID = try text(.instanceID)
        configuration.delivery = try choice(.delivery, of: WorkerConfiguration.Delivery.self) ?? configuration.delivery
        configuration.allowedReplyTopics = try list(.allowReplyTopics) ?? configuration.allowedReplyTopics
        configuration.encoder = EncoderOptions(
            threads: try integer(.encoderThreads, in: EncoderFlags.threads) ?? 1,
            maximumTokens: try integer(.maxTokens, in: EncoderFlags.tokens))
        configuration.maximumTextBytes = try integer(.maxTextBytes, in: 1...1_000_000) ?? configuration.maximumTextBytes
        configuration.textFields = try pointers(.textField) ?? configuration.textFields
        configuration.idField = try pointer(.idField) ?? configuration.idField
        configuration.defaultContentType =
            try choice(.defaultContentType, of: WorkerConfiguration.ContentType.self)
            ?? configuration.defaultContentType
        configuration.copiedHeaders = try copiedHeaders() ?? configuration.copiedHeaders
        configuration.registry = try registrySettings()
        configuration.replies = try replySettings()
        configuration.bulk.maximumBatchRecords =
            try integer(.batchSize, in: 1...65_536) ?? configuration.bulk.maximumBatchRecords
        configuration.bulk.maximumInFlightBatches =
            try integer(.batchesInFlight, in: 1...4_096) ?? configuration.bulk.maximumInFlightBatches
        configuration.bulk.priority =
            try choice(.bulkPriority, of: ThreadPriority.self) ?? configuration.bulk.priority
        configuration.transactions.maximumAge = try duration(.transactionAge) ?? configuration.transactions.maximumAge
        if let timeout = try duration(.sessionTimeout) {
            guard configuration.groupProtocol == .classic else {
                throw CommandFailure.usage(
                    "--session-timeout: with --group-protocol consumer the brokers say how long a worker may be silent "
                        + "(group.consumer.session.timeout.ms); leave it out")
            }
            configuration.sessionTimeout = timeout
        }
        configuration.startTimeout = try duration(.startTimeout) ?? configuration.startTimeout
        configuration.shutdownTimeout = try duration(.shutdownTimeout) ?? configuration.shutdownTimeout
        configuration.modelCheckInterval = try duration(.modelCheckInterval) ?? configuration.modelCheckInterval
        configuration.adminHost = try text(.adminHost) ?? configuration.adminHost
        configuration.adminPort = try integer(.adminPort, in: 0...65_535)
        return configuration
    }
}
