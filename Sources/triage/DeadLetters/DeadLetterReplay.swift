import Foundation
import Kafka
import Messages

/// Sends dead letters back to their original topics with the original key, value and headers, plus
/// `triage-replayed-from`, their position in the dead-letter topic.
///
/// A letter is done when the broker has acknowledged its copy. Its offset is then committed to the replay's own group,
/// so that the next replay continues after it and none is classified twice.
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
            // The old deadline has passed: the request would only be answered as expired.
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

    /// Waits until the broker has acknowledged everything that was sent.
    /// - Throws: ``CommandFailure`` when it rejects one or does not answer in time.
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
