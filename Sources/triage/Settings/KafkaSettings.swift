import Foundation
import Kafka
import Messages

extension SettingsReader {
    /// The names of the topics; the defaults are those of the contract.
    func topicNames() throws -> TopicNames {
        var names = TopicNames()
        names.requests = try topic(.topicRequests) ?? names.requests
        names.interactive = try topic(.topicInteractive) ?? names.interactive
        names.replies = try topic(.topicReplies) ?? names.replies
        names.gatewayReplies = try topic(.topicGatewayReplies) ?? names.gatewayReplies
        names.deadLetters = try topic(.topicDeadLetters) ?? names.deadLetters
        guard Set(names.all).count == names.all.count else {
            throw CommandFailure.usage("two of the topics have the same name: \(names.all.joined(separator: ", "))")
        }
        return names
    }

    /// The names of the workers' groups, one per lane.
    func workerGroups() throws -> ConsumerGroups { try text(.group).map { ConsumerGroups($0) } ?? ConsumerGroups() }

    private func topic(_ setting: Setting) throws -> String? {
        try value(setting, expected: "a topic's name (letters, digits, '.', '_', '-', at most 249)") { name in
            TopicNames.isValid(name) ? name : nil
        }
    }

    /// librdkafka's properties for every client of this process: brokers, then the properties passed through.
    func kafkaProperties() throws -> KafkaProperties {
        var result = KafkaProperties()
        result["bootstrap.servers"] = try text(.bootstrapServers) ?? "127.0.0.1:9092"
        for (name, value) in try properties(.kafka) { result[name] = value }
        for (name, path) in try properties(.kafkaSecret) {
            do throws(SmallFile.Failure) {
                // Editors and `echo` end a file with a line feed that is not part of the secret.
                result[name] = try SmallFile.text(path).trimmingCharacters(in: .newlines)
            } catch {
                throw CommandFailure.noInput("--kafka-secret \(name)=\(path): cannot read the file: \(error.reason)")
            }
        }
        try result.validate()
        return result
    }
}
