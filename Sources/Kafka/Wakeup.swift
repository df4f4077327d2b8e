import CRdKafka
import Glibc

/// Lets one thread sleep until any of several queues or threads wakes it.
///
/// A `Consumer` and a `Producer` with the same wakeup signal it when something arrives, so that one thread can serve
/// both. A queue signals only when it becomes non-empty: after `wait` returns, and before waiting again, drain both
/// (`receive`, `receiveDeliveryReports`).
package final class Wakeup: Sendable {
    /// An eventfd: its counter keeps a signal sent while no thread waits, so none is missed.
    let descriptor: Int32

    /// Creates an unsignalled wakeup.
    package init() throws(KafkaError) {
        descriptor = triage_eventfd()
        guard descriptor >= 0 else {
            throw KafkaError(.system, operation: "create wakeup", message: String(cString: strerror(errno)))
        }
    }

    deinit { Glibc.close(descriptor) }

    /// Wakes the waiting thread, or the next one to wait. From any thread.
    package func signal() {
        var one: UInt64 = 1
        // Fails only when the counter is at its limit, and then the wakeup is already signalled.
        _ = write(descriptor, &one, MemoryLayout<UInt64>.size)
    }

    /// Sleeps until a signal or the timeout, and clears the signal. One thread at a time.
    ///
    /// - Parameter timeout: rounded up to whole milliseconds.
    /// - Returns: whether there was a signal.
    @discardableResult
    package func wait(timeout: Duration) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&entry, 1, timeout.nativeMilliseconds) > 0 else { return false }
        var count: UInt64 = 0
        return read(descriptor, &count, MemoryLayout<UInt64>.size) > 0
    }

    /// Makes `queue` signal this wakeup whenever it becomes non-empty.
    func attach(to queue: OpaquePointer) {
        var one: UInt64 = 1
        rd_kafka_queue_io_event_enable(queue, descriptor, &one, MemoryLayout<UInt64>.size)
    }

    static func detach(from queue: OpaquePointer) {
        rd_kafka_queue_io_event_enable(queue, -1, nil, 0)
    }
}
