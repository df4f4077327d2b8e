import ArgumentParser
import Foundation
import Kafka
import Messages

struct PipeCommand: AsyncParsableCommand, SettingFlags {
    static let configuration = CommandConfiguration(
        commandName: "pipe",
        abstract: "Send lines through the queue and print the replies in order.",
        discussion: """
            Each line of standard input is a sentence for the bulk lane; each line of standard output is its reply, in \
            the order of the input, with the line's number as id. A line that cannot be classified is answered with an \
            error in its place. Progress goes to standard error when that is a terminal.

              triage pipe < sentences.txt > replies.ndjson
            """)

    @OptionGroup var general: GeneralFlags
    @OptionGroup(title: "Kafka") var kafka: KafkaFlags
    @OptionGroup(title: "Topics") var topics: TopicFlags

    @Option(
        help: ArgumentHelp("Give up when no reply has come for this long. (default: 60s)", valueName: "duration"))
    var requestTimeout: String?

    func run() async throws {
        let settings = try SettingsReader(
            general: general, kafka: kafka, topics, self)
        let names = try settings.topicNames()
        let patience = try settings.duration(.requestTimeout) ?? .seconds(60)
        try KafkaLibrary.requireSupportedVersion()
        let session = try PipeSession(
            properties: settings.kafkaProperties(), requests: names.requests, replies: names.gatewayReplies,
            patience: patience, log: settings.kafkaLog())
        try session.run()
    }
}
