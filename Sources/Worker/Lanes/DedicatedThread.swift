import Glibc

/// A thread of its own for work that blocks, so that none of Swift's few shared threads ever waits for a broker.
enum DedicatedThread {
    /// Runs `body` on a new thread and waits, without blocking, until it has ended and is joined.
    ///
    /// - Parameter name: shown by `top -H`; Linux keeps its first 15 bytes.
    static func run<Success: Sendable>(
        name: String, _ body: @escaping @Sendable () throws -> Success
    ) async throws -> Success {
        let ended = await withCheckedContinuation { (continuation: CheckedContinuation<Ended<Success>, Never>) in
            do throws(ThreadError) {
                try start(name: name) {
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

    /// Runs `body` on a new thread while this one waits: a call, but at another priority.
    ///
    /// A thread that has lowered its priority cannot raise it again without a privilege, and the threads that it starts
    /// inherit it, Swift's shared ones among them. So it is best one that starts none and only ends.
    static func call(name: String, priority: ThreadPriority, _ body: () -> Void) throws(ThreadError) {
        // Nothing of it is left when this returns.
        let started = withoutActuallyEscaping(body) { body in
            Result { () throws(ThreadError) in
                let thread = try start(name: name) {
                    priority.apply(toThread: 0)
                    body()
                }
                pthread_join(thread, nil)
            }
        }
        try started.get()
    }

    private struct Ended<Success: Sendable>: Sendable {
        let result: Result<Success, any Error>
        /// Joining waits only for the thread's last instructions: it has resumed the continuation already.
        let thread: pthread_t?
    }

    @discardableResult
    private static func start(name: String, _ work: @escaping () -> Void) throws(ThreadError) -> pthread_t {
        var thread = pthread_t()
        // Balanced by takeRetainedValue on the new thread, or right below if there is none.
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
        return thread
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

        /// Through the file system: Swift does not see the GNU functions for it.
        private func nameThread() {
            let file = open("/proc/thread-self/comm", O_WRONLY)
            guard file >= 0 else { return }
            defer { close(file) }
            _ = name.withCString { write(file, $0, strlen($0)) }
        }
    }
}
