import NIOCore
import Synchronization

/// Closes a stream's connection when the client takes too long over one line. Between lines a client may pause: a stream
/// can be somebody who types. The time that the gateway itself makes the client wait does not count.
final class StreamWatchdog: Sendable {
    /// Nanoseconds for which the current line has been waited for.
    private struct State {
        var waited: UInt64 = 0
        var since: MonotonicTime?
        var isInsideLine = false
    }

    private let state = Mutex(State())
    private let task: RepeatedTask

    init(channel: any Channel, limit: Duration) {
        let limit = UInt64(clamping: limit.nanoseconds)
        let interval = TimeAmount.nanoseconds(Int64(clamping: max(limit / 4, 1_000_000)))
        // The task refers to the state, which must exist first; a box breaks the circle.
        let box = Weak()
        task = channel.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { task in
            guard let watchdog = box.watchdog.withLock({ $0.value }) else { return task.cancel() }
            if watchdog.lineTime > limit { channel.close(promise: nil) }
        }
        box.watchdog.withLock { $0.value = self }
    }

    /// The client is to send something now.
    func waitForClient(insideLine: Bool) {
        let now = MonotonicTime.now
        state.withLock { state in
            if !insideLine { state.waited = 0 }
            state.isInsideLine = insideLine
            state.since = now
        }
    }

    /// The client has sent something.
    func clientSent() {
        let now = MonotonicTime.now
        state.withLock { state in
            if let since = state.since.take(), state.isInsideLine { state.waited += now.since(since) }
        }
    }

    func stop() {
        task.cancel()
    }

    private var lineTime: UInt64 {
        let now = MonotonicTime.now
        return state.withLock { state in
            guard state.isInsideLine else { return 0 }
            return state.waited + (state.since.map { now.since($0) } ?? 0)
        }
    }

    private final class Weak: Sendable {
        struct Reference { weak var value: StreamWatchdog? }
        let watchdog = Mutex(Reference(value: nil))
    }
}
