import CRdKafka
import Dispatch
import Synchronization

/// Owns an `rd_kafka_t`. Whatever is made from it (queues, topics, messages) keeps it alive or is gone before it ends.
final class NativeClient: @unchecked Sendable {  // librdkafka's handles are safe to use from any thread.
    let pointer: OpaquePointer
    /// Balances the retain of `NativeConfiguration.makeClient`; released after librdkafka's last callback.
    private let context: Unmanaged<ClientEvents>
    private let isAbandoned = Atomic(false)
    /// What librdkafka may call until its end.
    private let kept = Mutex<[any Sendable]>([])

    init(pointer: OpaquePointer, context: Unmanaged<ClientEvents>) {
        self.pointer = pointer
        self.context = context
    }

    /// Says that a request is still unanswered that destroying would wait for, up to `socket.timeout.ms`: do it aside then.
    func abandon() { isAbandoned.store(true, ordering: .relaxed) }

    /// Keeps an object until librdkafka calls nothing any more.
    func keep(_ object: any Sendable) { kept.withLock { $0.append(object) } }

    /// Asks the partition's leader, over this client's own connection, for its first and its next offset. Blocks.
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
        // The handle is at its end: nobody else refers to it.
        nonisolated(unsafe) let pointer = pointer
        let context = context
        let kept = kept.withLock { $0 }
        let isGone = DispatchSemaphore(value: 0)
        // Aside, since librdkafka can wait for ever for a broker's thread that had lost its connection.
        DispatchQueue.global().async {
            // A consumer leaves its group in `close`, within a bound; destroying it must not try again without one.
            rd_kafka_destroy_flags(pointer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
            withExtendedLifetime(kept) { context.release() }
            isGone.signal()
        }
        guard !isAbandoned.load(ordering: .relaxed) else { return }
        _ = isGone.wait(timeout: .now() + Self.patience)
    }

    /// How long the end of a client is waited for. A healthy one is gone in milliseconds.
    private static let patience: DispatchTimeInterval = .seconds(5)
}

extension Duration {
    /// Whole milliseconds as librdkafka's `int` holds them, from 0; rounded up, so that a short wait stays a wait.
    var nativeMilliseconds: Int32 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        guard seconds < Int64(Int32.max) / 1000 else { return Int32.max }
        return Int32(seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
