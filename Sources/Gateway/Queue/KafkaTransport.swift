package import Kafka
import Messages
import Synchronization

/// Sends requests to the interactive lane. Callers enqueue on their own threads: librdkafka's queue is thread-safe, and
/// this avoids a thread hop.
package final class KafkaTransport: RequestTransport {
    private let producer: Producer
    private let topic: ProducerTopic
    private let replyTopic: String
    private let replyPartition = Atomic<Int32>(0)

    package init(producer: Producer, topic: ProducerTopic, replyTopic: String) {
        self.producer = producer
        self.topic = topic
        self.replyTopic = replyTopic
    }

    /// Sets the reply partition of this gateway. Must be called before the exchange becomes available.
    package func answer(to partition: Int32) {
        replyPartition.store(partition, ordering: .relaxed)
    }

    package func send(_ requests: [OutgoingRequest]) -> [(token: Flight.Token, error: GatewayError)] {
        var failures: [(token: Flight.Token, error: GatewayError)] = []
        var headers = RecordHeaders(capacity: 7)
        var deadline = DecimalText()
        let partition = replyPartition.load(ordering: .relaxed).bigEndian
        for request in requests {
            headers.append(name: HeaderName.contentType, value: StaticString("text/plain").bytes)
            request.correlationID.withBytes { headers.append(name: HeaderName.correlationID, value: $0) }
            headers.append(name: HeaderName.replyTopic, value: replyTopic)
            withUnsafeBytes(of: partition) { headers.append(name: HeaderName.replyPartition, value: $0) }
            deadline.withBytes(of: request.deadline) { headers.append(name: HeaderName.deadline, value: $0) }
            if let trace = request.trace {
                headers.append(name: HeaderName.traceparent, value: trace.parent)
                if let state = trace.state { headers.append(name: HeaderName.tracestate, value: state) }
            }
            do throws(KafkaError) {
                try send(request, &headers)
            } catch {
                headers.removeAll()
                failures.append((request.token, GatewayError(sending: error)))
            }
        }
        return failures
    }

    private func send(_ request: OutgoingRequest, _ headers: inout RecordHeaders) throws(KafkaError) {
        try request.sentence.bytes.withBytes { value throws(KafkaError) in
            try producer.send(
                to: topic, key: nil, value: value, headers: &headers, token: request.token.rawValue, copying: true)
        }
    }
}

extension [UInt8] {
    /// Calls `body` with the bytes, with typed throws, which the standard library's `withUnsafeBytes` does not support.
    func withBytes<Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        var failure: Failure?
        withUnsafeBytes { bytes in
            do throws(Failure) { try body(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}

extension GatewayError {
    /// The caller's error for a record that could not be enqueued.
    init(sending error: KafkaError) {
        switch error.code {
        case .queueFull: self.init(.overloaded, "too many records wait to be sent")
        case .messageSizeTooLarge: self.init(.textTooLong, "the sentence is larger than the broker takes")
        default: self.init(.unavailable, "the record could not be sent: \(error.code)")
        }
    }

    /// The caller's error for a record that did not reach the broker.
    init(delivering code: KafkaErrorCode) {
        switch code {
        case .messageSizeTooLarge: self.init(.textTooLong, "the sentence is larger than the broker takes")
        default: self.init(.unavailable, "the record did not reach the broker: \(code)")
        }
    }
}

/// Formats decimal digits on the stack.
private struct DecimalText {
    private var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)

    mutating func withBytes(of number: Int64, _ body: (UnsafeRawBufferPointer) -> Void) {
        withUnsafeMutableBytes(of: &digits) { bytes in
            var rest = number.magnitude
            var start = bytes.count
            repeat {
                start -= 1
                bytes[start] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            } while rest > 0
            if number < 0 {
                start -= 1
                bytes[start] = UInt8(ascii: "-")
            }
            body(UnsafeRawBufferPointer(rebasing: bytes[start...]))
        }
    }
}
