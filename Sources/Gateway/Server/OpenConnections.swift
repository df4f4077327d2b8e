import NIOCore
import ServiceLifecycle
import Synchronization

/// Counts connections, for whoever has to wait until the last one is closed.
package final class OpenConnections: Sendable {
    private struct State {
        var count = 0
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    package init() {}

    /// Counts a connection until it is closed.
    func add(_ channel: any Channel) {
        state.withLock { $0.count += 1 }
        channel.closeFuture.whenComplete { _ in self.remove() }
    }

    /// Returns when no connection is open, or when the task is cancelled.
    func allClosed() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.count == 0 || Task.isCancelled { return true }
                    state.waiter = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiter.take() }?.resume()
        }
    }

    private func remove() {
        let waiter = state.withLock { state in
            state.count -= 1
            return state.count == 0 ? state.waiter.take() : nil
        }
        waiter?.resume()
    }
}

/// A server that has ended when its last connection has, even those that no task serves.
struct ServerWithConnections: Service {
    let server: any Service
    let connections: OpenConnections

    func run() async throws {
        try await server.run()
        await connections.allClosed()
    }
}
