import Kafka
import Platform
import Synchronization

/// The signals between a lane's thread and the rest of the worker. Atomics only, so the lane never blocks on them.
final class LaneControl: Sendable {
    let name: LaneName
    /// What the lane's thread sleeps on.
    let wakeup: Wakeup

    private let stopRequested = Atomic(false)
    private let joined = Atomic(false)
    private let lastTurn: Atomic<Int64>
    private let start = ContinuousClock.now
    private let commitFailed = Atomic(false)

    init(_ name: LaneName) throws(KafkaError) {
        self.name = name
        wakeup = try Wakeup()
        lastTurn = Atomic(0)
    }

    // MARK: From outside

    /// Asks the lane to finish its batches and end. Callable from any thread.
    func stop() {
        stopRequested.store(true, ordering: .releasing)
        wakeup.signal()
    }

    /// Whether the lane has its assignment, which may be empty.
    var hasJoined: Bool { joined.load(ordering: .relaxed) }

    /// Time since the last turn of the loop, which turns at least twice a second when idle.
    var silence: Duration {
        let now = (ContinuousClock.now - start).microseconds
        return .microseconds(max(0, now - lastTurn.load(ordering: .relaxed)))
    }

    // MARK: From the lane's thread, or librdkafka's

    var isStopRequested: Bool { stopRequested.load(ordering: .acquiring) }

    func turned(at now: ContinuousClock.Instant) {
        lastTurn.store((now - start).microseconds, ordering: .relaxed)
    }

    func setJoined(_ value: Bool) { joined.store(value, ordering: .relaxed) }

    func noteCommitFailure() { commitFailed.store(true, ordering: .relaxed) }

    /// Whether an asynchronous commit has failed since the last call.
    func takeCommitFailure() -> Bool { commitFailed.exchange(false, ordering: .relaxed) }
}
