import Foundation
import Kafka
import TestSupport
import Testing

extension EndToEnd {
    /// Of the embedded brokers noida gives topics no ids, librdkafka 2.16 ends with a segmentation fault when a topic
    /// that it reads is made again on Tansu (Python's clients do too), and the mock cluster has no controller, which
    /// librdkafka asks for ids.
    @Suite("New topic", .enabled(if: Broker.Kind.available == [.given], "only a given Apache Kafka has topic ids"))
    struct NewTopicTests {
        @Test(
            "of a topic that is deleted and made again under a worker every request is answered",
            arguments: ["at-least-once", "exactly-once"])
        func startsAnew(delivery: String) throws {
            let stage = try Stage(partitions: 2)
            let worker = try stage.startWorker(arguments: ["--delivery", delivery, "--instance-id", "a"])
            let topic = stage.topics.requests
            _ = try stage.publish(requests("old", 12), to: topic, partition: 0)
            _ = try stage.read(stage.topics.replies) { ids($0, "old").count == 12 }
            // The worker looks every 2 s which topic it reads.
            Thread.sleep(forTimeInterval: 6)

            let admin = try AdminClient(properties: stage.properties, log: stage.log)
            try admin.deleteTopics([topic])
            let wish = TopicSpecification(name: topic, partitions: 2, replicationFactor: 1)
            try eventually(within: .seconds(20), "the topic to be made again") {
                try admin.createTopics([wish]).first?.result == .created
            }
            _ = try stage.publish(requests("new", 60), to: topic, partition: 0)
            // The old ones may lie in another partition, which is read later.
            _ = try stage.read(stage.topics.replies) { ids($0, "new").count == 60 && ids($0, "old").count == 12 }
            try worker.waitForErrors(containing: "the topic was deleted and created again")

            // Whoever comes next goes on in the new topic.
            _ = try stage.publish(requests("more", 5), to: topic, partition: 0)
            _ = try stage.read(stage.topics.replies) { ids($0, "more").count == 5 }
            worker.signal(SIGTERM)
            #expect(try worker.wait() == 0, "\(worker.errors)")
            let lag = try #require(try admin.lag(of: stage.group, in: topic))
            #expect(lag.map(\.records).reduce(0, +) <= 1, "\(lag)")
        }

        private func requests(_ name: String, _ count: Int) -> [StoredRecord] {
            (0..<count).map { StoredRecord(value: Array(#"{"id":"\#(name)-\#($0)","text":"un train"}"#.utf8)) }
        }

        /// The ids of these requests that are answered.
        private func ids(_ replies: [StoredRecord], _ name: String) -> Set<String> {
            struct Reply: Decodable { let id: String }
            let ids = replies.compactMap { try? JSONDecoder().decode(Reply.self, from: Data($0.text.utf8)).id }
            return Set(ids.filter { $0.hasPrefix(name + "-") })
        }
    }
}
