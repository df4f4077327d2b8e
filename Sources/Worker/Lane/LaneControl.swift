import Kafka
import Platform
import Synchronization

/// The few words that a lane's thread and the rest of the worker exchange. Atomics only; the lane waits for nobody.
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

    /// Asks the lane to stop: it finishes what it holds and ends. From any thread.
    func stop() {
        stopRequested.store(true, ordering: .releasing)
        wakeup.signal()
    }

    /// Whether the lane has been given its share of the partitions, which may be none.
    var hasJoined: Bool { joined.load(ordering: .relaxed) }

    /// How long ago the lane last went round its loop; it does so several times a second when idle.
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

    /// Whether a commit in the background has failed since the last call.
    func takeCommitFailure() -> Bool { commitFailed.exchange(false, ordering: .relaxed) }
}
