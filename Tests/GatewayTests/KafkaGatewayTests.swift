import Foundation
import Gateway
import GatewayTestSupport
import Kafka
import Logging
import NIOCore
import Platform
import Synchronization
import TestSupport
import Testing

/// The whole gateway between real sockets: HTTP on one side, librdkafka's own brokers on the other.
@Suite("Gateway over Kafka", .timeLimit(.minutes(2)))
struct KafkaGatewayTests {
    private let cluster: MockCluster
    private let topics = ["sentences.interactive", "sentences", "classifications.replies"]

    init() throws {
        cluster = try MockCluster()
        for topic in topics { try cluster.createTopic(topic, partitions: 3) }
    }

    private func serve(
        _ worker: QueueWorker = QueueWorker(), configure: (inout GatewayConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (_ port: Int) async throws -> Void
    ) async throws {
        var configuration = GatewayConfiguration()
        configuration.port = 0
        configuration.kafka = ["bootstrap.servers": cluster.bootstrapServers]
        configure(&configuration)
        let (ports, port) = AsyncStream<Int>.makeStream()
        let service = try GatewayService(
            configuration: configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { port.yield($0) }
        let servers = cluster.bootstrapServers
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            group.addTask {
                try await onOwnThread {
                    try worker.run(servers: servers, topic: "sentences.interactive", partitions: 3)
                }
            }
            defer {
                worker.stop()
                group.cancelAll()
            }
            for await port in ports {
                try await body(port)
                break
            }
        }
    }

    /// Sends one request and answers the status and everything received.
    private func get(_ port: Int, _ path: String) async throws -> (status: Int, text: String) {
        let text = try await RawConnection.open(port: port) { inbound, outbound in
            try await outbound.write(
                ByteBuffer(string: "GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
            return await RawConnection.readToEnd(inbound)
        }
        return (Int(text.split(separator: " ").dropFirst().first ?? "") ?? 0, text)
    }

    private func wait(_ port: Int, for status: Int, _ path: String = "/health/ready") async throws {
        while try await get(port, path).status != status { try await Task.sleep(for: .milliseconds(20)) }
    }

    /// Not every worker is ours.
    @Test("answers with an error where a reply holds no probabilities", arguments: ["1e999", "-0.5", "12"])
    func answersWithAnErrorWhereAReplyHoldsNoProbabilities(number: String) async throws {
        let reply = #"{"id":"x","label":"a","probabilities":{"a":\#(number),"b":0.25},"model":"m@1"}"#
        try await serve(QueueWorker(reply: reply)) { port in
            try await wait(port, for: 200)
            let answer = try await get(port, "/api/intent?sentence=bonjour")
            #expect(answer.status == 502)
            #expect(answer.text.contains("the reply cannot be read"))
        }
    }

    @Test("passes on a label of 900 kilobytes") func passesOnALabelOf900Kilobytes() async throws {
        let label = String(repeating: "é", count: 450_000)
        let probabilities = #"{"\#(label)":0.75,"b":0.25}"#
        let reply = #"{"id":"x","label":"\#(label)","probabilities":\#(probabilities),"model":"m@1"}"#
        try await serve(QueueWorker(reply: reply), configure: { $0.requestTimeout = .seconds(60) }) { port in
            try await wait(port, for: 200)
            let answer = try await get(port, "/api/intent?sentence=bonjour")
            #expect(answer.status == 200)
            // Not in the expectation: both would be shown.
            let isWhole = answer.text.hasSuffix(probabilities)
            #expect(isWhole, "\(answer.text.count) characters")
        }
    }

    @Test("answers through the queue") func answersThroughTheQueue() async throws {
        let worker = QueueWorker()
        try await serve(worker, configure: { $0.replyPartition = 2 }) { port in
            try await wait(port, for: 200)
            let answer = try await get(port, "/api/intent?sentence=bonjour%20toi")
            #expect(answer.status == 200)
            #expect(answer.text.hasSuffix(#"{"find-train":0.75,"irrelevant":0.25}"#))
            #expect(answer.text.contains("Server-Timing: queue;dur=1.0, classify;dur=0.5, total;dur="))
        }
        let headers = try #require(worker.headers.last)
        #expect(headers["content-type"] == Array("text/plain".utf8))
        #expect(headers["kafka_correlationId"]?.count == 16)
        #expect(headers["kafka_replyTopic"] == Array("classifications.replies".utf8))
        #expect(headers["kafka_replyPartition"] == [0, 0, 0, 2])
        let deadline = try #require(headers["triage-deadline"].flatMap { Int64(String(decoding: $0, as: UTF8.self)) })
        #expect(abs(deadline - UnixTime.milliseconds) < 60_000)
    }

    @Test("learns the model by itself") func learnsTheModelByItself() async throws {
        try await serve { port in
            try await wait(port, for: 200, "/v2/models/intents/ready")
        }
    }

    @Test("is not ready without its topics") func isNotReadyWithoutItsTopics() async throws {
        try await serve(configure: {
            $0.bulkTopic = "sentences"; $0.interactiveTopic = "elsewhere"
        }) { port in
            // The mock cluster makes a topic when it is written to; the gateway must not write before it is there.
            while true {
                let answer = try await get(port, "/health/ready")
                #expect(answer.status == 503)
                if answer.text.contains("the topic elsewhere does not exist") { break }
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(try await get(port, "/api/intent?sentence=x").status == 503)
            #expect(try await get(port, "/health/live").status == 200)
        }
    }

    @Test("answers with timeouts when no worker answers") func answersWithTimeoutsWhenNoWorkerAnswers() async throws {
        let worker = QueueWorker()
        worker.answer(false)
        try await serve(worker, configure: { $0.requestTimeout = .milliseconds(300) }) { port in
            try await wait(port, for: 200)
            #expect(try await get(port, "/api/intent?sentence=x").status == 504)
        }
    }

    @Test("says 503 without a broker and recovers") func says503WithoutABrokerAndRecovers() async throws {
        let worker = QueueWorker()
        try await serve(worker) { [cluster] port in
            try await wait(port, for: 200)
            #expect(try await get(port, "/api/intent?sentence=one").status == 200)
            cluster.setBroker(isDown: true)
            try await wait(port, for: 503)
            #expect(try await get(port, "/api/intent?sentence=two").status == 503)
            cluster.setBroker(isDown: false)
            try await wait(port, for: 200)
            let answer = try await get(port, "/api/intent?sentence=three")
            #expect(answer.status == 200, "the worker was \(worker.history); \(answer.text)")
        }
    }

    @Test("publishes to the bulk lane") func publishesToTheBulkLane() async throws {
        try await serve { [cluster] port in
            try await wait(port, for: 200)
            let text = try await RawConnection.open(port: port) { inbound, outbound in
                let body = #"{"sentences":[{"text":"un","id":"1","key":"k"},{"text":"deux","id":"2","key":"k"}]}"#
                try await outbound.write(
                    ByteBuffer(
                        string: "POST /v1/sentences HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                            + "Connection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"))
                return await RawConnection.readToEnd(inbound)
            }
            #expect(text.hasPrefix("HTTP/1.1 202 "))
            #expect(text.hasSuffix(#"{"ids":["1","2"]}"#))
            let servers = cluster.bootstrapServers
            let published = try await onOwnThread {
                let consumer = try Consumer(
                    properties: ["bootstrap.servers": servers],
                    log: KafkaLog(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
                try consumer.assign((0..<3).map { (TopicPartition(topic: "sentences", partition: $0), .beginning) })
                var values: [String] = []
                while values.count < 2 {
                    let batch = try consumer.receive(maximum: 10, waiting: .milliseconds(50))
                    for index in 0..<batch.count {
                        values.append(batch.record(at: index).value.map { String(decoding: $0, as: UTF8.self) } ?? "")
                    }
                }
                consumer.close()
                return values
            }
            #expect(published == [#"{"id":"1","text":"un"}"#, #"{"id":"2","text":"deux"}"#])
        }
    }
}
