import ArgumentParser
import Foundation
import Kafka
import Logging
import Messages
import Worker

struct TopicsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topics", abstract: "Create the topics.", subcommands: [TopicsCreateCommand.self])
}

struct TopicsCreateCommand: AsyncParsableCommand, SettingFlags {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Create the five topics, and those of routes: those that do not exist yet.",
        discussion: """
            Those that exist stay as they are, even if they have another number of partitions.

              triage topics create
              triage topics create --route unsure=sentences.review
              triage topics create --bootstrap-servers kafka-1:9092 \\
                  --partitions 48 --replication-factor 3
            """)

    @OptionGroup var general: GeneralFlags
    @OptionGroup(title: "Kafka") var kafka: KafkaFlags
    @OptionGroup(title: "Topics") var topics: TopicFlags

    @OptionGroup var routing: RouteFlags

    @Option(help: ArgumentHelp("Partitions of each topic. (default: 12)", valueName: "count"))
    var partitions: String?

    @Option(help: ArgumentHelp("Copies of each partition. (default: the brokers' own default)", valueName: "count"))
    var replicationFactor: String?

    func run() async throws {
        let settings = try SettingsReader(
            general: general, kafka: kafka, routes: routing.routes, topics, self)
        var names = try settings.topicNames().all
        for route in try settings.routes() where !names.contains(route.topic) { names.append(route.topic) }
        let partitions = try settings.integer(.partitions, in: 1...10_000) ?? 12
        let replicationFactor = try settings.integer(.replicationFactor, in: 1...100) ?? -1
        try KafkaLibrary.requireSupportedVersion()
        let admin = try AdminClient(properties: settings.kafkaProperties(), log: settings.kafkaLog())
        let specifications = names.map {
            TopicSpecification(name: $0, partitions: partitions, replicationFactor: replicationFactor)
        }
        var refusals: [String] = []
        let existing = try admin.metadata().topics
        for (name, result) in try admin.createTopics(specifications) {
            switch result {
            case .created: show("\(name): created, \(partitions) partitions")
            case .existed: show("\(name): exists\(existing[name].map { ", \($0) partitions" } ?? "")")
            case .failed(let error): refusals.append("\(name): \(error.message)")
            }
        }
        guard refusals.isEmpty else {
            throw CommandFailure.unavailable("the broker refused to create \(refusals.joined(separator: "; "))")
        }
    }
}
