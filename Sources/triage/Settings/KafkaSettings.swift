import Foundation
import Kafka
import Worker

extension SettingsReader {
    /// The names of the topics; the defaults are the contract's.
    func topicNames() throws -> WorkerConfiguration.Topics {
        var names = WorkerConfiguration.Topics()
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

    /// The names of the workers' groups, one for each lane.
    func workerGroups() throws -> (bulk: String, interactive: String) {
        let configuration = WorkerConfiguration()
        return WorkerConfiguration.groups(try text(.group) ?? configuration.group)
    }

    /// Kafka's rule for names: letters, digits, `.`, `_` and `-`, at most 249, not `.` or `..`.
    private func topic(_ setting: Setting) throws -> String? {
        try value(setting, expected: "a topic's name (letters, digits, '.', '_', '-', at most 249)") { name in
            let allowed = name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
            return allowed && (1...249).contains(name.utf8.count) && name != "." && name != ".." ? name : nil
        }
    }

    /// librdkafka's properties for every client of this process: brokers, then what is passed through.
    func kafkaProperties() throws -> KafkaProperties {
        var result = KafkaProperties()
        result["bootstrap.servers"] = try text(.bootstrapServers) ?? "127.0.0.1:9092"
        for (name, value) in try properties(.kafka) { result[name] = value }
        for (name, path) in try properties(.kafkaSecret) {
            do throws(SmallFile.Failure) {
                // Editors and `echo` end a file with a line feed that is no part of the secret.
                result[name] = try SmallFile.text(path).trimmingCharacters(in: .newlines)
            } catch {
                throw CommandFailure.noInput("--kafka-secret \(name)=\(path): cannot read the file: \(error.reason)")
            }
        }
        try result.validate()
        return result
    }
}
