import Kafka
import Synchronization

/// What the health probes report. It reads atomics that the lanes write, and never blocks on a lane.
final class WorkerHealth: Sendable {
    private let lanes: [LaneControl]
    private let brokers: BrokerWatch?
    private let registry: SchemaRegistry?
    private let isStopping = Atomic(false)

    /// A lane whose loop has not turned for this long is stuck, and only a restart helps. Longer than any blocking call
    /// that the lane makes.
    private static let liveBound = Duration.seconds(60)
    /// A lane whose loop has not turned for this long is not making progress.
    private static let readyBound = Duration.seconds(10)

    init(lanes: [LaneControl], brokers: BrokerWatch?, registry: SchemaRegistry?) {
        self.lanes = lanes
        self.registry = registry
        self.brokers = brokers
    }

    func stop() {
        isStopping.store(true, ordering: .relaxed)
        brokers?.stop()
    }

    /// Why the worker should be restarted, one line; `nil` if it need not be.
    var liveProblem: String? {
        isStopping.load(ordering: .relaxed) ? nil : stuck(for: Self.liveBound)
    }

    /// Why the worker is not ready, one line; `nil` if every lane has its assignment and is polling, a broker answers, and
    /// no record waits for its schema.
    var readyProblem: String? {
        if isStopping.load(ordering: .relaxed) { return "stopping" }
        if let waiting = lanes.first(where: { !$0.hasJoined }) {
            return "the \(waiting.name.rawValue) lane has no assignment yet"
        }
        return stuck(for: Self.readyBound) ?? brokers?.problem ?? registry?.problem
    }

    private func stuck(for bound: Duration) -> String? {
        guard let stuck = lanes.first(where: { $0.silence > bound }) else { return nil }
        return "the \(stuck.name.rawValue) lane has been stuck for \(stuck.silence.components.seconds) s"
    }
}
