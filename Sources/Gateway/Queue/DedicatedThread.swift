import Foundation

/// A thread for work that blocks, which must not be done on the threads that all tasks share.
enum DedicatedThread {
    /// Runs `body` on a thread of its own and waits for its end. When the task is cancelled, `cancel` is called and must
    /// make `body` return.
    static func run(
        named name: String, _ body: @escaping @Sendable () throws -> Void, cancel: @escaping @Sendable () -> Void
    ) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let thread = Thread {
                    continuation.resume(with: Result { try body() })
                }
                thread.name = name
                thread.start()
            }
        } onCancel: {
            cancel()
        }
    }
}
