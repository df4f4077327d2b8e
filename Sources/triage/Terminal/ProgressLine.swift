import Classification
import Foundation
import Synchronization
import Telemetry

/// The progress of training, which several threads may report.
final class ProgressLine: Sendable {
    private let progress = Mutex(Progress())

    func show(_ step: LinearTrainer.Progress) {
        progress.withLock { line in
            line.show { "\(String(format: "%3.0f", step.fraction * 100)) %  \(step.activity)" }
        }
    }

    /// Clears the line and returns the elapsed time.
    func finish() -> String {
        progress.withLock { line in
            line.finish()
            return "\(line.seconds.rounded(to: 1)) s"
        }
    }
}

extension Double {
    /// The number with this many decimals.
    func rounded(to decimals: Int) -> String { String(format: "%.\(decimals)f", self) }
}

/// A progress line on standard error: redrawn in place on a terminal, otherwise silent, so that logs of scripts stay
/// clean.
///
/// Not thread-safe. Draws at most ten times a second.
struct Progress {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let start = ContinuousClock.now
    private var lastDrawing: ContinuousClock.Instant?
    private var isDrawn = false

    /// Seconds since this value was made.
    var seconds: Double { start.duration(to: .now) / .seconds(1) }

    /// Draws the line from `text`, unless one was drawn within the last 100 ms.
    mutating func show(_ text: () -> String) {
        guard isTerminal, lastDrawing.map({ $0.duration(to: .now) > .milliseconds(100) }) ?? true else { return }
        lastDrawing = .now
        isDrawn = true
        StandardError.write("\r\u{1B}[K\(text())")
    }

    /// Clears the line and, if given, prints a summary in its place (also without a terminal).
    mutating func finish(_ summary: String? = nil) {
        if isDrawn { StandardError.write("\r\u{1B}[K") }
        isDrawn = false
        if let summary { StandardError.write("\(summary)\n") }
    }
}

extension Int {
    /// `1,234,567`, independent of the locale.
    var grouped: String {
        var digits = String(magnitude)
        var index = digits.count - 3
        while index > 0 {
            digits.insert(",", at: digits.index(digits.startIndex, offsetBy: index))
            index -= 3
        }
        return self < 0 ? "-" + digits : digits
    }
}
