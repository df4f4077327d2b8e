import Foundation
import Kafka
import Messages

/// Sends dead letters back to where they came from: key, value and headers as they were, plus
/// `triage-replayed-from`, their place in the dead-letter topic.
///
/// A letter counts as done when the broker has acknowledged its copy; then its offset is committed to a group of the
/// replay's own, so that the next replay goes on after it and none is classified twice.
final class DeadLetterReplay {
    static let origin: StaticString = "triage-replayed-from"

    private let producer: Producer
    private let deadLetters: String
    private var topics: [String: ProducerTopic] = [:]
    private var undelivered: KafkaErrorCode?
    private var acknowledged = 0
    private var sent = 0

    init(properties: KafkaProperties, deadLetters: String, log: KafkaLog) throws {
        let safe: KafkaProperties = ["enable.idempotence": "true", "linger.ms": "5"]
        producer = try Producer(properties: safe.merging(properties), log: log)
        self.deadLetters = deadLetters
    }

    /// Sends one letter to a topic.
    func send(_ record: ConsumedRecord, to topic: String) throws {
        var headers = RecordHeaders()
        record.forEachHeader { name, value in
            guard !DeadLetter.isOwn(header: String(decoding: name, as: UTF8.self)) else { return }
            // A deadline of then would only have the request answered as expired.
            guard !name.elementsEqual(HeaderName.deadline.bytes) else { return }
            headers.append(nameBytes: name, value: value)
        }
        headers.append(name: Self.origin, value: "\(deadLetters)/\(record.partition)/\(record.offset)")
        let target = try topics[topic] ?? producer.topic(topic)
        topics[topic] = target
        try producer.send(
            to: target, key: record.key, value: record.value, headers: &headers, token: 0,
            whenFull: { receiveReports(waiting: .milliseconds(100)) })
        sent += 1
    }

    /// Waits until the broker has everything that was sent.
    /// - Throws: ``CommandFailure`` when it refuses one or does not answer in time.
    func finish(within limit: Duration = .seconds(60)) throws {
        let deadline = ContinuousClock.now.advanced(by: limit)
        while acknowledged < sent, undelivered == nil, ContinuousClock.now < deadline {
            receiveReports(waiting: .milliseconds(100))
        }
        if let undelivered {
            throw CommandFailure.unavailable(
                "a dead letter could not be sent: \(undelivered); none of this step counts as replayed")
        }
        guard acknowledged == sent else {
            throw CommandFailure.unavailable("\(sent - acknowledged) dead letters were not acknowledged in time")
        }
    }

    private func receiveReports(waiting: Duration) {
        _ = producer.receiveDeliveryReports(waiting: waiting) { [self] _, error, _, _ in
            acknowledged += 1
            undelivered = undelivered ?? error
        }
    }
}
