import CRdKafka
import Glibc

/// What one thread sleeps on while any number of queues and threads may wake it.
///
/// A `Consumer` and a `Producer` that are given the same wakeup signal it when something arrives for them, so that one
/// thread serves both. A queue signals only when it turns from empty to not empty: after `wait` returns, and before
/// waiting again, take what each of them has (`receive`, `receiveDeliveryReports`).
package final class Wakeup: Sendable {
    /// An eventfd: its counter remembers a signal that comes while nobody waits, so that none is missed.
    let descriptor: Int32

    /// Makes a wakeup that nobody has signalled yet.
    package init() throws(KafkaError) {
        descriptor = triage_eventfd()
        guard descriptor >= 0 else {
            throw KafkaError(.system, operation: "create wakeup", message: String(cString: strerror(errno)))
        }
    }

    deinit { Glibc.close(descriptor) }

    /// Wakes the thread that waits, or the next one that does. From any thread.
    package func signal() {
        var one: UInt64 = 1
        // It fails only when the counter is at its limit, and then the wakeup is signalled anyway.
        _ = write(descriptor, &one, MemoryLayout<UInt64>.size)
    }

    /// Sleeps until a signal comes or the time has passed, and forgets the signal. One thread at a time.
    ///
    /// - Parameter timeout: whole milliseconds; a part of one counts as one.
    /// - Returns: whether there was a signal.
    @discardableResult
    package func wait(timeout: Duration) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&entry, 1, timeout.nativeMilliseconds) > 0 else { return false }
        var count: UInt64 = 0
        return read(descriptor, &count, MemoryLayout<UInt64>.size) > 0
    }

    /// Has `queue` signal this wakeup whenever it turns from empty to not empty.
    func attach(to queue: OpaquePointer) {
        var one: UInt64 = 1
        rd_kafka_queue_io_event_enable(queue, descriptor, &one, MemoryLayout<UInt64>.size)
    }

    static func detach(from queue: OpaquePointer) {
        rd_kafka_queue_io_event_enable(queue, -1, nil, 0)
    }
}
