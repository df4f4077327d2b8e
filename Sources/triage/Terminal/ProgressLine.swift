import Classification
import Foundation
import Synchronization

/// The progress of training, which may come from several threads.
final class ProgressLine: Sendable {
    private let progress = Mutex(Progress())

    func show(_ step: LinearTrainer.Progress) {
        progress.withLock { line in
            line.show { "\(String(format: "%3.0f", step.fraction * 100)) %  \(step.activity)" }
        }
    }

    /// Takes the line away and says how long it all took.
    func finish() -> String {
        progress.withLock { line in
            line.finish()
            return "\(line.seconds.rounded(to: 1)) s"
        }
    }
}

extension Double {
    /// The number with so many decimals.
    func rounded(to decimals: Int) -> String { String(format: "%.\(decimals)f", self) }
}
