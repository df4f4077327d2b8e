import ArgumentParser
import Foundation
import Kafka
import Worker

struct DeadLettersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters",
        abstract: "Look at requests that could not be classified, and send them again.",
        subcommands: [DeadLettersListCommand.self, DeadLettersReplayCommand.self])
}

/// What both commands can be told.
struct DeadLetterFlags: ParsableArguments {
    @OptionGroup var general: GeneralFlags
    @OptionGroup(title: "Kafka") var kafka: KafkaFlags
    @OptionGroup(title: "Topics") var topics: TopicFlags

    @Option(help: "Only those with this error code, such as classifier_failed.")
    var code: String?

    @Option(help: "At most so many.")
    var limit: Int?

    func validate() throws {
        guard limit.map({ $0 > 0 }) ?? true else { throw ValidationError("--limit must be 1 or more") }
    }
}

struct DeadLettersListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Print dead letters, one JSON object a line.",
        discussion: """
              triage dead-letters list --code malformed_json --limit 10
            """)

    @OptionGroup var flags: DeadLetterFlags

    func run() async throws {
        let settings = try SettingsReader(general: flags.general, kafka: flags.kafka, flags.topics)
        let topic = try settings.topicNames().deadLetters
        try KafkaLibrary.requireSupportedVersion()
        var reader = try DeadLetterReader(
            properties: settings.kafkaProperties(), topic: topic, group: nil, log: settings.kafkaLog())
        defer { reader.consumer.close(within: .seconds(2)) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var output = StandardOutput()
        var count = 0
        try reader.forEach { record in
            let letter = DeadLetter(record, in: topic)
            guard flags.code == nil || letter.code == flags.code else { return true }
            try encoder.encode(letter).withUnsafeBytes { try output.writeLine($0) }
            count += 1
            return count != flags.limit
        }
        try output.flush()
    }
}

struct DeadLettersReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Send dead letters back to the topic that they came from.",
        discussion: """
            Key, value and headers are those of the request, but for its deadline; triage-replayed-from tells where it \
            lay. A replay goes on where the last one ended. One with --code has a place of its own, so that a later one \
            without --code passes nothing over.

              triage dead-letters replay --dry-run
              triage dead-letters replay --code classifier_failed
            """)

    @OptionGroup var flags: DeadLetterFlags

    @Option(help: ArgumentHelp("Consumer group that remembers how far replays came.", valueName: "name"))
    var replayGroup = "triage-dead-letters-replay"

    @Flag(help: "Start at the oldest dead letter, whatever was replayed before.")
    var fromBeginning = false

    @Flag(help: "Say what would be sent, send nothing.")
    var dryRun = false

    func run() async throws {
        let settings = try SettingsReader(general: flags.general, kafka: flags.kafka, flags.topics)
        let names = try settings.topicNames()
        try KafkaLibrary.requireSupportedVersion()
        let properties = try settings.kafkaProperties()
        let log = try settings.kafkaLog()
        let group = flags.code.map { "\(replayGroup).\($0)" } ?? replayGroup
        var reader = try DeadLetterReader(
            properties: properties, topic: names.deadLetters, group: fromBeginning ? nil : group, log: log)
        let consumer = reader.consumer
        defer { consumer.close(within: .seconds(2)) }
        let replay = try DeadLetterReplay(properties: properties, deadLetters: names.deadLetters, log: log)
        let known: Set = [names.requests, names.interactive]
        var counts: [String: Int] = [:]
        var total = 0
        var done: [TopicPartition: Int64] = [:]
        let remember = {
            try replay.finish()
            if !dryRun, !fromBeginning { try consumer.commit(done.map { ($0.key, $0.value) }) }
            done.removeAll()
        }
        try reader.forEach { record in
            let letter = DeadLetter(record, in: names.deadLetters)
            if flags.code == nil || letter.code == flags.code {
                // A foreign topic in a header must not make this a tool that writes anywhere.
                let target = letter.topic.flatMap { known.contains($0) ? $0 : nil } ?? names.requests
                if !dryRun { try replay.send(record, to: target) }
                counts[target, default: 0] += 1
                total += 1
                if total.isMultiple(of: 5_000) { try remember() }
            }
            done[TopicPartition(topic: names.deadLetters, partition: record.partition)] = record.offset + 1
            return total != flags.limit
        }
        if !done.isEmpty { try remember() }
        for (topic, count) in counts.sorted(by: { $0.key < $1.key }) {
            print("\(count.grouped) to \(topic)\(dryRun ? " (dry run: nothing was sent)" : "")")
        }
        if total == 0 { print("nothing to replay") }
    }
}
