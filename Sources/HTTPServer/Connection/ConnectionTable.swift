import NIOCore
import Platform
import Synchronization

/// The connections of one event loop: looks after their deadlines, and reaches all of them when the server ends. One timer
/// for all of them costs a request nothing.
// Unchecked: all of it belongs to its event loop, and only code on that loop touches it.
final class LoopConnections: @unchecked Sendable {
    /// How often deadlines are looked at.
    private static let interval = TimeAmount.milliseconds(100)

    let eventLoop: any EventLoop
    let executor: EventLoopExecutor
    /// The time, not older than the interval.
    private(set) var now = MonotonicTime.now
    private var handlers: [ObjectIdentifier: ConnectionHandler] = [:]
    private var timer: RepeatedTask?
    private var isQuiescing = false
    private let table: ConnectionTable

    init(_ eventLoop: any EventLoop, table: ConnectionTable) {
        self.eventLoop = eventLoop
        self.table = table
        executor = EventLoopExecutor(eventLoop)
    }

    func add(_ handler: ConnectionHandler) {
        now = .now
        handlers[ObjectIdentifier(handler)] = handler
        if timer == nil {
            timer = eventLoop.scheduleRepeatedTask(initialDelay: Self.interval, delay: Self.interval) {
                [weak self] task in
                guard let self else { return task.cancel() }
                check()
            }
        }
        if isQuiescing { handler.quiesce() }
    }

    func remove(_ handler: ConnectionHandler) {
        guard handlers.removeValue(forKey: ObjectIdentifier(handler)) != nil else { return }
        if handlers.isEmpty {
            timer?.cancel()
            timer = nil
        }
        table.remove()
    }

    private func check() {
        now = .now
        // A copy, since a handler that closes takes itself out.
        for handler in handlers.values { handler.checkDeadlines(now) }
    }

    func quiesce() {
        isQuiescing = true
        for handler in handlers.values { handler.quiesce() }
    }

    func closeAll() {
        for handler in handlers.values { handler.closeNow() }
    }
}

/// All connections of a server: counts them, and ends them.
final class ConnectionTable: Sendable {
    private struct State {
        var count = 0
        var waiter: CheckedContinuation<Void, Never>?
        /// Called when there is room for a connection again.
        var resume: (@Sendable () -> Void)?
    }

    /// How many connections are served.
    let capacity: Int
    /// How many more are told that they are too many, at a time; others wait to be accepted.
    let refusals: Int
    private let state = Mutex(State())
    private let loops = Mutex<[LoopConnections]>([])

    init(capacity: Int, refusals: Int) {
        self.capacity = capacity
        self.refusals = refusals
    }

    /// The connections of this event loop.
    func connections(on eventLoop: any EventLoop) -> LoopConnections {
        loops.withLock { loops in
            if let known = loops.first(where: { $0.eventLoop === eventLoop }) { return known }
            let made = LoopConnections(eventLoop, table: self)
            loops.append(made)
            return made
        }
    }

    /// Counts a connection; false when it is one too many, which is counted all the same.
    func add() -> Bool {
        state.withLock { state in
            state.count += 1
            return state.count <= capacity
        }
    }

    func remove() {
        let (waiter, resume) = state.withLock { state in
            state.count -= 1
            return (state.count == 0 ? state.waiter.take() : nil, state.resume.take())
        }
        waiter?.resume()
        resume?()
    }

    /// Whether another connection may be accepted; if not, `resume` is called once one may.
    func mayAccept(resume: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            if state.count < capacity + refusals { return true }
            state.resume = resume
            return false
        }
    }

    /// How many connections are open.
    var count: Int { state.withLock { $0.count } }

    /// Ends idle connections now and the others after their responses.
    func quiesce() {
        for loop in loops.withLock({ $0 }) { loop.eventLoop.execute { loop.quiesce() } }
    }

    /// Ends all connections now.
    func closeAll() {
        for loop in loops.withLock({ $0 }) { loop.eventLoop.execute { loop.closeAll() } }
    }

    /// Lets go of the loops, which hold the table.
    func forgetLoops() {
        loops.withLock { $0 = [] }
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
}

/// Stands before the acceptor and lets no more connections in than there may be.
final class AcceptLimiter: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias OutboundIn = Never

    private let table: ConnectionTable
    private var isWithheld = false

    init(table: ConnectionTable) {
        self.table = table
    }

    func read(context: ChannelHandlerContext) {
        let limiter = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        let mayAccept = table.mayAccept {
            eventLoop.execute {
                let (handler, context) = limiter.value
                guard handler.isWithheld else { return }
                handler.isWithheld = false
                handler.read(context: context)
            }
        }
        if mayAccept { context.read() } else { isWithheld = true }
    }
}

/// How many bytes of other people's requests and responses a server holds, all connections together, and how many it may.
///
/// A request is refused at its head when the limit is reached. The last quarter is kept for small bodies, so that
/// a few large ones which never end do not shut everybody out.
final class MemoryBudget: Sendable {
    /// Bodies up to this size may use the last quarter.
    static let small = 65_536

    let limit: Int
    private let held = Atomic(0)

    init(limit: Int) {
        self.limit = limit
    }

    var bytes: Int { held.load(ordering: .relaxed) }

    /// Whether a request may begin.
    var hasRoom: Bool { bytes < limit }

    /// Takes `count` bytes for something that has `total` then; false when there is no room.
    func take(_ count: Int, total: Int) -> Bool {
        let most = total > Self.small ? limit / 4 * 3 : limit
        if held.add(count, ordering: .relaxed).newValue <= most { return true }
        give(count)
        return false
    }

    /// Takes `count` bytes that are there already.
    func takeAnyway(_ count: Int) {
        held.add(count, ordering: .relaxed)
    }

    /// Gives bytes back.
    func give(_ count: Int) {
        held.subtract(count, ordering: .relaxed)
    }
}
