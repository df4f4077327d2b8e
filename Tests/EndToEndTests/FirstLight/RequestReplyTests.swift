import Kafka
import Messages
import Testing

extension EndToEnd {
    @Suite("Request reply") struct RequestReplyTests {
        @Test("kcat asks and is answered with its id and key on the topic that it named")
        func kcatAsksAndIsAnsweredWithItsId() throws {
            let stage = try Stage()
            let worker = try stage.startWorker()
            _ = try kcat(
                [
                    "-P", "-b", stage.bootstrapServers, "-t", stage.topics.requests, "-K", "|",
                    "-H", "kafka_correlationId=call 17 \u{00E9}", "-H",
                    "kafka_replyTopic=\(stage.topics.gatewayReplies)",
                ], input: "clé|{\"id\":\"n° 1\",\"text\":\"\(SampleSentences.sentence(1))\"}\n")
            let line = try kcat([
                "-C", "-b", stage.bootstrapServers, "-t", stage.topics.gatewayReplies, "-o", "beginning", "-c", "1",
                "-f", "%k|%h|%s\n",
            ])
            let parts = line.split(separator: "|", maxSplits: 2).map(String.init)
            try #require(parts.count == 3, "\(line)")
            #expect(parts[0] == "clé")
            #expect(parts[1].contains("kafka_correlationId=call 17 \u{00E9}"))
            #expect(parts[1].contains("triage-status=ok"))
            #expect(parts[1].contains("triage-source=\(stage.topics.requests)/"))
            SeenAnswers.shared.add(to: "ok", parts[2])
            let reply = try ClassifiedText.decode(parts[2])
            #expect(reply.id == "n° 1" && reply.isDistribution)
            #expect(worker.isRunning)
        }

        @Test("a reply goes to its partition and carries id, key and trace byte for byte")
        func aReplyGoesToItsPartitionAndCarriesId() throws {
            let stage = try Stage()
            let worker = try stage.startWorker()
            let id: [UInt8] = [0, 255, 1, 0x0A, 0x22, 0xC3, 0]
            let key: [UInt8] = [0xFF, 0, 0xFE]
            let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            let request = try stage.publish(
                [
                    StoredRecord(
                        key: key, value: Array(SampleSentences.sentence(2).utf8),
                        headers: [
                            .init(name: "content-type", value: Array("text/plain; charset=utf-8".utf8)),
                            .init(name: "kafka_correlationId", value: id),
                            .init(name: "kafka_replyTopic", value: Array(stage.topics.gatewayReplies.utf8)),
                            .init(name: "kafka_replyPartition", value: [0, 0, 0, 3]),
                            .init(name: "traceparent", value: Array(trace.utf8)),
                            .init(name: "somebody-else", value: [1]),
                        ])
                ], to: stage.topics.requests)[0]
            let reply = try stage.read(stage.topics.gatewayReplies, count: 1)[0]
            #expect(reply.partition == 3)
            #expect(reply.key == key)
            #expect(reply.bytes(ofHeader: HeaderName.correlationID) == id)
            #expect(reply.header(HeaderName.traceparent) == trace)
            #expect(reply.header(HeaderName.source) == request.source)
            let decoded = try ClassifiedText.decode(reply.text)
            #expect(decoded.id == request.source && decoded.isDistribution)
            #expect(worker.isRunning)
        }
    }
}
