import CRdKafka
import Dispatch
import Synchronization

/// Owns an `rd_kafka_t`. Objects created from it (queues, topics, messages) keep it alive or are freed first.
final class NativeClient: @unchecked Sendable {  // librdkafka's handles are thread-safe.
    let pointer: OpaquePointer
    /// Balances the retain of `NativeConfiguration.makeClient`; released after librdkafka's last callback.
    private let context: Unmanaged<ClientEvents>
    private let isAbandoned = Atomic(false)
    /// Objects that librdkafka may call until it is destroyed.
    private let kept = Mutex<[any Sendable]>([])

    init(pointer: OpaquePointer, context: Unmanaged<ClientEvents>) {
        self.pointer = pointer
        self.context = context
    }

    /// Marks a request as unanswered. Destroying would wait for it up to `socket.timeout.ms`, so do not wait for that.
    func abandon() { isAbandoned.store(true, ordering: .relaxed) }

    /// Keeps an object alive until librdkafka's last callback.
    func keep(_ object: any Sendable) { kept.withLock { $0.append(object) } }

    /// Asks the partition's leader for its beginning and end offsets, over this client's connection. Blocks.
    func queryWatermarks(
        of partition: TopicPartition, within: Duration
    ) throws(KafkaError) -> (low: Int64, high: Int64) {
        var low: Int64 = -1
        var high: Int64 = -1
        let code = rd_kafka_query_watermark_offsets(
            pointer, partition.topic, partition.partition, &low, &high, within.nativeMilliseconds)
        try KafkaError.check(code, "query the offsets of \(partition)")
        return (low, high)
    }

    deinit {
        // This is the last reference to the handle.
        nonisolated(unsafe) let pointer = pointer
        let context = context
        let kept = kept.withLock { $0 }
        let isGone = DispatchSemaphore(value: 0)
        // On another thread, since librdkafka can wait forever for a broker thread that lost its connection.
        DispatchQueue.global().async {
            // `close` leaves the group, with a timeout; destroying must not try again without one.
            rd_kafka_destroy_flags(pointer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
            withExtendedLifetime(kept) { context.release() }
            isGone.signal()
        }
        guard !isAbandoned.load(ordering: .relaxed) else { return }
        _ = isGone.wait(timeout: .now() + Self.patience)
    }

    /// How long to wait for a client to be destroyed. A healthy one takes milliseconds.
    private static let patience: DispatchTimeInterval = .seconds(5)
}

extension Duration {
    /// Whole milliseconds as librdkafka's `int`, at least 0; rounded up, so that a short wait is not zero.
    var nativeMilliseconds: Int32 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        guard seconds < Int64(Int32.max) / 1000 else { return Int32.max }
        return Int32(seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
