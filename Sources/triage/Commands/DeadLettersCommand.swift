import ArgumentParser
import Foundation
import Kafka
import Messages
import Platform

struct DeadLettersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters",
        abstract: "Look at requests that could not be classified, and send them again.",
        subcommands: [DeadLettersListCommand.self, DeadLettersReplayCommand.self])
}

/// The flags that both commands share.
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
        let codes = ErrorCode.allCases.filter(\.isDeadLettered).map(\.rawValue)
        if let code, !codes.contains(code) {
            throw ValidationError(
                "--code \(code): no dead letter has it; it is one of \(codes.joined(separator: ", "))")
        }
    }

    func selects(_ letter: DeadLetter) -> Bool { code == nil || letter.code == code }
}

struct DeadLettersListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Print dead letters, the newest first, one JSON object a line.",
        discussion: """
              triage dead-letters list --summary --since 12h
              triage dead-letters list --code classifier_failed --limit 10
              triage dead-letters list --since 2026-01-31T22:00:00Z
            """)

    @OptionGroup var flags: DeadLetterFlags

    @Option(
        help: ArgumentHelp(
            "Only those from this time on, such as 2026-01-31T22:00:00Z, or no older than this, such as 30m, 2h or 7d.",
            valueName: "time"))
    var since: String?

    @Flag(help: "Say how many there are of each error code, the oldest and the newest, instead.")
    var summary = false

    func validate() throws {
        guard !summary || flags.limit == nil else { throw ValidationError("--limit does not go with --summary") }
    }

    func run() async throws {
        let since = try since.map { try Self.moment($0, now: UnixTime.milliseconds) }
        let settings = try SettingsReader(general: flags.general, kafka: flags.kafka, flags.topics)
        let topic = try settings.topicNames().deadLetters
        try KafkaLibrary.requireSupportedVersion()
        let reader = try DeadLetterReader(
            properties: settings.kafkaProperties(), topic: topic, group: nil, log: settings.kafkaLog())
        defer { reader.consumer.close(within: .seconds(2)) }
        let count = try summary ? summarize(reader, since: since) : list(reader, since: since)
        // Standard output stays empty for programs; a person should see that the search ran.
        if count == 0 { FileHandle.standardError.write(Data("no dead letters found in \(topic)\n".utf8)) }
    }

    private func list(_ reader: DeadLetterReader, since: Int64?) throws -> Int {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var output = StandardOutput()
        var count = 0
        let outcome = Result {
            try reader.forEachNewestFirst(since: since) { letter in
                guard flags.selects(letter) else { return true }
                try encoder.encode(letter).withUnsafeBytes { try output.writeLine($0) }
                // Flush each line, so that an interrupted command has shown what it read.
                try output.flush()
                count += 1
                return count != flags.limit
            }
        }
        try outcome.get()
        return count
    }

    private func summarize(_ reader: DeadLetterReader, since: Int64?) throws -> Int {
        var summary = DeadLetterSummary()
        let outcome = Result {
            try reader.forEach(from: reader.beginnings(since: since)) { record in
                let letter = DeadLetter(record, in: reader.topic)
                if flags.selects(letter), letter.milliseconds >= since ?? .min { summary.add(letter) }
                return .record
            }
        }
        for line in summary.lines { show(line) }
        try outcome.get()
        return summary.count
    }

    /// Parses a time, or a duration before now, to Unix milliseconds.
    private static func moment(_ text: String, now: Int64) throws -> Int64 {
        if let time = Array(text.utf8).withUnsafeBytes(Timestamp.milliseconds) { return time }
        if let age = Duration(setting: text) { return now - Int64(age / .milliseconds(1)) }
        throw CommandFailure.usage(
            "--since: '\(text)' is neither a time such as 2026-01-31T22:00:00Z nor a duration such as 30m, 2h or 7d")
    }
}

struct DeadLettersReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Send dead letters back to the topic that they came from.",
        discussion: """
            Key, value and headers are those of the request, but for its deadline; triage-replayed-from tells where it \
            lay. Requests that would fail again, whatever was mended, are left out unless --code names theirs: \
            \(ErrorCode.allCases.filter(\.isOfRecord).map(\.rawValue).joined(separator: ", ")).
            A replay goes on where the last one ended. One with --code has a place of its own, so that a later one \
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
        let reader = try DeadLetterReader(
            properties: properties, topic: names.deadLetters, group: fromBeginning ? nil : group, log: log)
        let consumer = reader.consumer
        defer { consumer.close(within: .seconds(2)) }
        let replay = try DeadLetterReplay(properties: properties, deadLetters: names.deadLetters, log: log)
        let known: Set = [names.requests, names.interactive]
        var sent: [String: Int] = [:]
        var leftOut: [ErrorCode: Int] = [:]
        var total = 0
        var read = 0
        var done: [TopicPartition: Int64] = [:]
        let remember = {
            try replay.finish()
            if !dryRun, !fromBeginning { try consumer.commit(done.map { ($0.key, $0.value) }) }
            done.removeAll()
        }
        let outcome = Result {
            try reader.forEach(from: fromBeginning ? reader.beginnings() : reader.places()) { record in
                let letter = DeadLetter(record, in: names.deadLetters)
                let end = reader.extents[record.partition]?.upperBound ?? 0
                // Requests that fail again return here. Without this check one replay could loop forever.
                if letter.isReplayed, record.offset >= end { return .otherPartitions }
                if let code = letter.code.flatMap({ ErrorCode(rawValue: $0) }), code.isOfRecord, flags.code == nil {
                    leftOut[code, default: 0] += 1
                } else if flags.selects(letter) {
                    // Write only to known topics, whatever topic a header names.
                    let target = letter.topic.flatMap { known.contains($0) ? $0 : nil } ?? names.requests
                    if !dryRun { try replay.send(record, to: target) }
                    sent[target, default: 0] += 1
                    total += 1
                }
                done[TopicPartition(topic: names.deadLetters, partition: record.partition)] = record.offset + 1
                read += 1
                if read.isMultiple(of: 5_000) { try remember() }
                return total == flags.limit ? .nothing : .record
            }
        }
        // Commit even after a failure: what was sent must not be sent again.
        let end = Result { if !done.isEmpty { try remember() } }
        for (topic, count) in sent.sorted(by: { $0.key < $1.key }) {
            print("\(count.grouped) to \(topic)\(dryRun ? " (dry run: nothing was sent)" : "")")
        }
        if !leftOut.isEmpty {
            let codes = leftOut.sorted { $0.key.rawValue < $1.key.rawValue }
                .map { "\($0.key.rawValue) \($0.value.grouped)" }
            print("left out, since they would fail again: \(codes.joined(separator: ", ")); --code NAME sends them")
        }
        // The commit error first: without the commit the next replay sends the same letters again.
        try end.get()
        try outcome.get()
        if total == 0 { print("nothing to replay") }
    }
}
