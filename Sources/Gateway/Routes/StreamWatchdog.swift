import Platform
import Synchronization

/// Notices when a stream's client takes too long over one line. Between lines a client may pause: a stream can be somebody
/// who types. The time that the gateway itself makes the client wait does not count.
final class StreamWatchdog: Sendable {
    /// Nanoseconds for which the current line has been waited for.
    private struct State {
        var waited: UInt64 = 0
        var since: MonotonicTime?
        var isInsideLine = false
    }

    private let state = Mutex(State())
    private let limit: Duration

    init(limit: Duration) {
        self.limit = limit
    }

    /// Calls `onTimeout` when a line takes longer than the limit; returns then, or when the task is cancelled.
    func watch(onTimeout: () -> Void) async {
        let interval = max(limit / 4, .milliseconds(1))
        let limit = UInt64(clamping: limit.nanoseconds)
        while (try? await Task.sleep(for: interval)) != nil {
            if lineTime > limit { return onTimeout() }
        }
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

    private var lineTime: UInt64 {
        let now = MonotonicTime.now
        return state.withLock { state in
            guard state.isInsideLine else { return 0 }
            return state.waited + (state.since.map { now.since($0) } ?? 0)
        }
    }
}
