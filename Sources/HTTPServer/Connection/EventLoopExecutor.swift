import NIOCore

/// Runs tasks on an event loop.
final class EventLoopExecutor: TaskExecutor {
    let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// One executor per event loop of a group.
struct EventLoopExecutors: Sendable {
    private let executors: [EventLoopExecutor]

    init(_ group: any EventLoopGroup) {
        executors = group.makeIterator().map { EventLoopExecutor($0) }
    }

    /// The loop's executor; nil for a loop of another group.
    subscript(eventLoop: any EventLoop) -> EventLoopExecutor? {
        executors.first { $0.eventLoop === eventLoop }
    }
}
