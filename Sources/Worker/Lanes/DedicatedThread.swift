import Glibc

/// A thread of its own for work that blocks, so that none of Swift's few shared threads ever waits for a broker.
enum DedicatedThread {
    /// Runs `body` on a new thread and waits, without blocking, until it has ended and is joined.
    ///
    /// - Parameters:
    ///   - name: shown by `top -H`; Linux keeps its first 15 bytes.
    ///   - priority: the threads that it starts inherit it.
    static func run<Success: Sendable>(
        name: String, priority: ThreadPriority = .normal, _ body: @escaping @Sendable () throws -> Success
    ) async throws -> Success {
        let ended = await withCheckedContinuation { continuation in
            start(Work(name: name, priority: priority, body: body, continuation: continuation))
        }
        if let thread = ended.thread { pthread_join(thread, nil) }
        return try ended.result.get()
    }

    private struct Ended<Success: Sendable>: Sendable {
        let result: Result<Success, any Error>
        /// Joining waits only for the thread's last instructions: it has resumed the continuation already.
        let thread: pthread_t?
    }

    private static func start<Success>(_ work: Work<Success>) {
        var thread = pthread_t()
        // Balanced by takeRetainedValue on the new thread, or right below if there is none.
        let context = Unmanaged.passRetained(work as AnyWork)
        let failure = pthread_create(
            &thread, nil,
            { context in
                context.map { Unmanaged<AnyWork>.fromOpaque($0).takeRetainedValue().run() }
                return nil
            }, context.toOpaque())
        if failure != 0 {
            context.release()
            work.fail(ThreadError(errno: failure))
        }
    }

    private struct ThreadError: Error, CustomStringConvertible {
        let errno: Int32
        var description: String { "cannot start a thread: \(String(cString: strerror(errno)))" }
    }

    private class AnyWork {
        func run() {}
    }

    private final class Work<Success: Sendable>: AnyWork {
        private let name: String
        private let priority: ThreadPriority
        private let body: @Sendable () throws -> Success
        private let continuation: CheckedContinuation<Ended<Success>, Never>

        init(
            name: String, priority: ThreadPriority, body: @escaping @Sendable () throws -> Success,
            continuation: CheckedContinuation<Ended<Success>, Never>
        ) {
            self.name = name
            self.priority = priority
            self.body = body
            self.continuation = continuation
        }

        override func run() {
            nameThread()
            lowerPriority()
            let result = Result { try body() }
            continuation.resume(returning: Ended(result: result, thread: pthread_self()))
        }

        /// On Linux niceness and policy belong to a thread, and 0 names the one that calls.
        private func lowerPriority() {
            guard priority != .normal else { return }
            // For `idle` too: it shows in `top`, and it is what remains where a sandbox refuses the policy.
            let process = __priority_which_t(PRIO_PROCESS.rawValue)
            setpriority(process, 0, getpriority(process, 0) + 10)
            guard priority == .idle else { return }
            var parameters = sched_param()
            sched_setscheduler(0, Self.idlePolicy, &parameters)
        }

        /// `SCHED_IDLE` of <linux/sched.h>, which Swift does not see.
        private static var idlePolicy: Int32 { 5 }

        /// Through the file system: Swift does not see the GNU functions for it.
        private func nameThread() {
            let file = open("/proc/thread-self/comm", O_WRONLY)
            guard file >= 0 else { return }
            defer { close(file) }
            _ = name.withCString { write(file, $0, strlen($0)) }
        }

        func fail(_ error: ThreadError) {
            continuation.resume(returning: Ended(result: .failure(error), thread: nil))
        }
    }
}
