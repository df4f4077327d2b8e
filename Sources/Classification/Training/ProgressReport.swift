internal import Synchronization

/// Gathers the progress of parts that run at the same time.
final class ProgressReport: Sendable {
    private let fractions: Mutex<[Double]>
    private let report: (@Sendable (LinearTrainer.Progress) -> Void)?

    init(parts: Int, _ report: (@Sendable (LinearTrainer.Progress) -> Void)?) {
        fractions = Mutex(Array(repeating: 0, count: parts))
        self.report = report
    }

    func update(part: Int, fraction: Double) {
        guard let report else { return }
        // Under the lock, so that calls come one at a time and the share never falls.
        fractions.withLock { fractions in
            fractions[part] = max(fractions[part], fraction)
            let done = fractions.count { $0 >= 1 }
            report(
                .init(
                    fraction: fractions.reduce(0, +) / Double(fractions.count),
                    activity: "training, \(done) of \(fractions.count) parts done"))
        }
    }

    func finish() {
        report?(.init(fraction: 1, activity: "trained"))
    }
}
