import Synchronization
import Telemetry

/// What the interactive lane lets the bulk lane use, told from thread to thread.
final class BulkPace: Sendable {
    private let thousandths = Atomic(1_000)

    /// From ``BulkShare/least`` to 1.
    var share: Double {
        get { Double(thousandths.load(ordering: .relaxed)) / 1_000 }
        set { thousandths.store(Int((newValue * 1_000).rounded()), ordering: .relaxed) }
    }

    func register(in registry: PrometheusRegistry) {
        registry.addCollector { [self] readings in
            readings.gauge(
                "triage_worker_bulk_share_ratio", help: "What the bulk lane may use of its speed.", labels: [], share)
        }
    }
}
