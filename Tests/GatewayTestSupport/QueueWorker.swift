import Foundation
import Gateway
import Kafka
import Logging
import Messages
import Synchronization
import TestSupport

/// A worker in miniature on a thread of its own: reads requests and answers each as its headers ask.
package final class QueueWorker: Sendable {
    private let isStopping = Atomic(false)
    private let seenHeaders = Mutex<[[String: [UInt8]]]>([])
    private let isAnswering = Atomic(true)
    private let start = ContinuousClock.now
    private let reply: String

    /// - Parameter reply: the value of every reply.
    package init(
        reply: String = #"{"id":"x","label":"find-train","probabilities":{"find-train":0.75,"irrelevant":0.25},"#
            + #""model":"intents@0123456789ab"}"#
    ) {
        self.reply = reply
    }
    private let events = Mutex<[String]>([])

    /// The headers of every request seen.
    package var headers: [[String: [UInt8]]] { seenHeaders.withLock { $0 } }

    /// What it did and when, for the message of a test that fails.
    package var history: String { events.withLock { $0.joined(separator: ", ") } }

    private func note(_ event: String) {
        let time = ContinuousClock.now - start
        events.withLock { $0.append("\(event) at \(time)") }
    }

    /// Whether requests are answered; those that come while not are lost.
    package func answer(_ answers: Bool) { isAnswering.store(answers, ordering: .relaxed) }

    package func stop() { isStopping.store(true, ordering: .relaxed) }

    /// Serves until `stop()`; blocks.
    package func run(servers: String, topic: String, partitions: Int32) throws {
        let log = KafkaLog(
            logger: Logger(label: "worker") { _ in SwiftLogNoOpLogHandler() },
            onConnectionChange: { [weak self] isConnected in self?.note(isConnected ? "connected" : "cut off") })
        let consumer = try Consumer(
            properties: ["bootstrap.servers": servers, "fetch.wait.max.ms": "5", "reconnect.backoff.max.ms": "100"],
            log: log)
        try consumer.assign((0..<partitions).map { (TopicPartition(topic: topic, partition: $0), .beginning) })
        let producer = try Producer(
            properties: [
                "bootstrap.servers": servers, "linger.ms": "0", "reconnect.backoff.max.ms": "100",
                "message.max.bytes": "4000000",
            ], log: log)
        while !isStopping.load(ordering: .relaxed) {
            let batch = try consumer.receive(maximum: 100, waiting: .milliseconds(20))
            for index in 0..<batch.count { try answer(batch.record(at: index), with: producer) }
            producer.receiveDeliveryReports { _, error, _, _ in note(error.map { "failed (\($0))" } ?? "delivered") }
        }
        consumer.close()
    }

    private func answer(_ record: ConsumedRecord, with producer: Producer) throws {
        note("asked")
        var fields: [String: [UInt8]] = [:]
        record.forEachHeader { name, value in fields[name.text] = value.map { [UInt8]($0) } ?? [] }
        seenHeaders.withLock { $0.append(fields) }
        guard isAnswering.load(ordering: .relaxed), let id = fields["kafka_correlationId"],
            let topic = fields["kafka_replyTopic"], let partition = fields["kafka_replyPartition"]
        else { return }
        var headers = RecordHeaders()
        id.withUnsafeBytes { headers.append(name: "kafka_correlationId", value: $0) }
        headers.append(name: "triage-status", value: "ok")
        headers.append(name: "triage-timing", value: "queue;dur=1.0, classify;dur=0.5")
        let place = partition.withUnsafeBytes { $0.loadUnaligned(as: Int32.self).bigEndian }
        try Array(reply.utf8).withUnsafeBytes { value in
            try producer.send(
                to: producer.topic(String(decoding: topic, as: UTF8.self)), partition: place, key: nil, value: value,
                headers: &headers, token: 1, copying: true)
        }
    }
}
