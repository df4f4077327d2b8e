package import Kafka
import Messages
import Platform
import Synchronization

/// Publishes to the bulk lane and tells callers when the broker has their records.
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
            // What could not be sent will not be reported; nobody waits yet, so nobody is to be woken.
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

    /// Sends until something goes wrong.
    private func send(_ records: [BulkRecord], _ token: DeliveryTable.Token) -> (error: GatewayError, sent: Int)? {
        let arena = ByteArena()
        let encoder = RequestEncoder()
        var headers = RecordHeaders(capacity: 4)
        for (index, record) in records.enumerated() {
            headers.append(name: HeaderName.contentType, value: HeaderValue.json.bytes)
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

    /// Takes what librdkafka reports. Called by the thread that serves Kafka.
    func takeReports() {
        var finished: [(DeliveryTable.Continuation, GatewayError?)] = []
        producer.receiveDeliveryReports { token, code, _, _ in
            let error = code.map { GatewayError(delivering: $0) }
            let end = table.withLock { $0.report(DeliveryTable.Token(rawValue: token), error) }
            if let end { finished.append(end) }
        }
        for (continuation, error) in finished { continuation.resume(returning: error) }
    }

    /// Ends the callers whose deadline has passed. To be called again and again.
    package func expire() {
        let now = MonotonicTime.now
        let expired = table.withLock { $0.expire(now: now) }
        for continuation in expired {
            continuation.resume(
                returning: GatewayError(.deadlineExceeded, "the broker has not confirmed before the deadline"))
        }
    }
}
