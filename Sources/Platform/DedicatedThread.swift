import Glibc

/// A dedicated thread for blocking work, so that it never blocks Swift's few shared threads.
package enum DedicatedThread {
    /// Runs `body` on a new thread and awaits, without blocking, until it has ended and is joined.
    ///
    /// - Parameters:
    ///   - name: shown by `top -H`; Linux keeps its first 15 bytes.
    ///   - priority: applies to the thread and, by inheritance, to all threads that `body` starts, such as those of its
    ///     Kafka clients. The thread keeps it, and a pool that grows while used here (Dispatch's) inherits it too.
    package static func run<Success: Sendable>(
        name: String, priority: ThreadPriority = .normal, _ body: @escaping @Sendable () throws -> Success
    ) async throws -> Success {
        let ended = await withCheckedContinuation { (continuation: CheckedContinuation<Ended<Success>, Never>) in
            do throws(ThreadError) {
                try start(name: name) {
                    priority.apply()
                    let result = Result { try body() }
                    continuation.resume(returning: Ended(result: result, thread: pthread_self()))
                }
            } catch {
                continuation.resume(returning: Ended(result: .failure(error), thread: nil))
            }
        }
        if let thread = ended.thread { pthread_join(thread, nil) }
        return try ended.result.get()
    }

    /// The same for cancellable work: when the task is cancelled, `cancel` is called, and must make `body` return.
    package static func run(
        name: String, _ body: @escaping @Sendable () throws -> Void, cancel: @escaping @Sendable () -> Void
    ) async throws {
        try await withTaskCancellationHandler {
            try await run(name: name, body)
        } onCancel: {
            cancel()
        }
    }

    private struct Ended<Success: Sendable>: Sendable {
        let result: Result<Success, any Error>
        /// Joining is brief: the thread has already resumed the continuation.
        let thread: pthread_t?
    }

    private static func start(name: String, _ work: @escaping () -> Void) throws(ThreadError) {
        var thread = pthread_t()
        // Balanced by takeRetainedValue on the new thread, or right below if it was not created.
        let context = Unmanaged.passRetained(Work(name: name, body: work))
        let failure = pthread_create(
            &thread, nil,
            { context in
                context.map { Unmanaged<Work>.fromOpaque($0).takeRetainedValue().run() }
                return nil
            }, context.toOpaque())
        guard failure == 0 else {
            context.release()
            throw ThreadError(errno: failure)
        }
    }

    struct ThreadError: Error, CustomStringConvertible {
        let errno: Int32
        var description: String { "cannot start a thread: \(String(cString: strerror(errno)))" }
    }

    private final class Work {
        private let name: String
        private let body: () -> Void

        init(name: String, body: @escaping () -> Void) {
            self.name = name
            self.body = body
        }

        func run() {
            nameThread()
            body()
        }

        /// Via the file system: Swift does not see the GNU functions for it.
        private func nameThread() {
            let file = open("/proc/thread-self/comm", O_WRONLY)
            guard file >= 0 else { return }
            defer { close(file) }
            _ = name.withCString { write(file, $0, strlen($0)) }
        }
    }
}
