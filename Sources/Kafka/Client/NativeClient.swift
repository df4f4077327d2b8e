import CRdKafka
import Dispatch
import Synchronization

/// Owns an `rd_kafka_t`. Whatever is made from it (queues, topics, messages) keeps it alive or is gone before it ends.
final class NativeClient: @unchecked Sendable {  // librdkafka's handles are safe to use from any thread.
    let pointer: OpaquePointer
    /// Balances the retain of `NativeConfiguration.makeClient`; released after librdkafka's last callback.
    private let context: Unmanaged<ClientEvents>
    private let isAbandoned = Atomic(false)

    init(pointer: OpaquePointer, context: Unmanaged<ClientEvents>) {
        self.pointer = pointer
        self.context = context
    }

    /// Says that a request is still unanswered that destroying would wait for, up to `socket.timeout.ms`: do it aside then.
    func abandon() { isAbandoned.store(true, ordering: .relaxed) }

    deinit {
        // The handle is at its end: nobody else refers to it.
        nonisolated(unsafe) let pointer = pointer
        let context = context
        let destroy: @Sendable () -> Void = {
            // A consumer leaves its group in `close`, within a bound; destroying it must not try again without one.
            rd_kafka_destroy_flags(pointer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
            context.release()
        }
        if isAbandoned.load(ordering: .relaxed) { DispatchQueue.global().async(execute: destroy) } else { destroy() }
    }
}
