import NIOCore
import Platform
import Synchronization

/// The connections of one event loop: checks their deadlines and closes them at shutdown. A single timer for all
/// connections adds no cost per request.
// Unchecked: confined to its event loop, and accessed only by code on that loop.
final class LoopConnections: @unchecked Sendable {
    /// How often deadlines are checked.
    private static let interval = TimeAmount.milliseconds(100)

    let eventLoop: any EventLoop
    let executor: EventLoopExecutor
    /// The current time, at most one interval old.
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
        // Iterates over a copy, because a handler that closes removes itself.
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

/// All connections of a server: counts them and closes them.
final class ConnectionTable: Sendable {
    private struct State {
        var count = 0
        var waiter: CheckedContinuation<Void, Never>?
        /// Called when another connection may be accepted.
        var resume: (@Sendable () -> Void)?
    }

    /// The maximum number of connections served.
    let capacity: Int
    /// How many connections above the limit are accepted to be refused with 503. Others stay in the listen backlog.
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

    /// Counts a connection. Returns false if it is above the limit; it is counted in any case.
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

    /// Whether another connection may be accepted. If not, `resume` is called once one may.
    func mayAccept(resume: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            if state.count < capacity + refusals { return true }
            state.resume = resume
            return false
        }
    }

    /// The number of open connections.
    var count: Int { state.withLock { $0.count } }

    /// Closes idle connections now, and the others after their responses.
    func quiesce() {
        for loop in loops.withLock({ $0 }) { loop.eventLoop.execute { loop.quiesce() } }
    }

    /// Closes all connections now.
    func closeAll() {
        for loop in loops.withLock({ $0 }) { loop.eventLoop.execute { loop.closeAll() } }
    }

    /// Breaks the reference cycle between the table and its loops.
    func forgetLoops() {
        loops.withLock { $0 = [] }
    }

    /// Returns when all connections are closed or the task is cancelled.
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

/// Delays accepting connections while the limit is reached.
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

/// The memory budget for all requests and responses held by a server, in bytes.
///
/// When it is exhausted, requests are refused at their head. The last quarter is reserved for small bodies, so that a
/// few large ones that never end do not block everyone else.
final class MemoryBudget: Sendable {
    /// The largest body that may use the last quarter.
    static let small = 65_536

    let limit: Int
    private let held = Atomic(0)

    init(limit: Int) {
        self.limit = limit
    }

    var bytes: Int { held.load(ordering: .relaxed) }

    /// Whether a new request may start.
    var hasRoom: Bool { bytes < limit }

    /// Reserves `count` bytes for something of `total` bytes, including these. Returns false if there is no room.
    func take(_ count: Int, total: Int) -> Bool {
        let most = total > Self.small ? limit / 4 * 3 : limit
        if held.add(count, ordering: .relaxed).newValue <= most { return true }
        give(count)
        return false
    }

    /// Reserves `count` bytes that are already in memory.
    func takeAnyway(_ count: Int) {
        held.add(count, ordering: .relaxed)
    }

    /// Releases bytes.
    func give(_ count: Int) {
        held.subtract(count, ordering: .relaxed)
    }
}
