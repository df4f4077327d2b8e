package import Kafka
import Messages
import Platform
import Synchronization

/// Publishes to the bulk lane and resumes callers when the broker has acknowledged their records.
package final class KafkaBulkTransport: BulkTransport {
    private let producer: Producer
    private let topic: ProducerTopic
    private let table = Mutex(DeliveryTable())

    package init(producer: Producer, topic: ProducerTopic) {
        self.producer = producer
        self.topic = topic
    }

    package func publish(_ records: [BulkRecord], deadline: Deadline) async throws(GatewayError) {
        let token = table.withLock { $0.begin(records.count, deadline: deadline.moment) }
        if let error = send(records, token) {
            // Unsent records get no delivery report. No one waits yet, so there is no continuation to resume.
            _ = table.withLock { $0.report(token, error.error, count: records.count - error.sent) }
        }
        let error = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if let outcome = table.withLock({ $0.await(token, continuation) }) {
                    continuation.resume(returning: outcome)
                }
            }
        } onCancel: {
            table.withLock { $0.abandon(token) }?.resume(returning: .cancelled)
        }
        if let error { throw error }
    }

    /// Sends the records in order and stops at the first failure.
    private func send(_ records: [BulkRecord], _ token: DeliveryTable.Token) -> (error: GatewayError, sent: Int)? {
        let arena = ByteArena()
        let encoder = RequestEncoder()
        var headers = RecordHeaders(capacity: 4)
        for (index, record) in records.enumerated() {
            headers.append(name: HeaderName.contentType, value: HeaderValue.ownJSON.bytes)
            if let deadline = record.deadline { headers.append(name: HeaderName.deadline, value: String(deadline)) }
            if let trace = record.trace {
                headers.append(name: HeaderName.traceparent, value: trace.parent)
                if let state = trace.state { headers.append(name: HeaderName.tracestate, value: state) }
            }
            arena.reset()
            let id = Array(record.id.utf8)
            let value = record.sentence.bytes.withUnsafeBytes { text in
                id.withUnsafeBytes { encoder.encode(text: text, id: $0, into: arena) }
            }
            let key = record.key.map { Array($0.utf8) }
            do throws(KafkaError) {
                if let key {
                    try key.withBytes { key throws(KafkaError) in
                        try producer.send(
                            to: topic, key: key, value: arena.bytes(in: value), headers: &headers,
                            token: token.rawValue, copying: true)
                    }
                } else {
                    try producer.send(
                        to: topic, key: nil, value: arena.bytes(in: value), headers: &headers, token: token.rawValue,
                        copying: true)
                }
            } catch {
                return (GatewayError(sending: error), index)
            }
        }
        return nil
    }

    /// Processes librdkafka's delivery reports. Called on the Kafka thread.
    func takeReports() {
        var finished: [(DeliveryTable.Continuation, GatewayError?)] = []
        producer.receiveDeliveryReports { token, code, _, _ in
            let error = code.map { GatewayError(delivering: $0) }
            let end = table.withLock { $0.report(DeliveryTable.Token(rawValue: token), error) }
            if let end { finished.append(end) }
        }
        for (continuation, error) in finished { continuation.resume(returning: error) }
    }

    /// Times out the callers whose deadline has passed. Must be called periodically.
    package func expire() {
        let now = MonotonicTime.now
        let expired = table.withLock { $0.expire(now: now) }
        for continuation in expired {
            continuation.resume(
                returning: GatewayError(.deadlineExceeded, "the broker has not confirmed before the deadline"))
        }
    }
}
