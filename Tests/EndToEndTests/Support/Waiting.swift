import Foundation

/// Something did not come about in time.
struct TimedOut: Error, CustomStringConvertible {
    let what: String
    let details: String

    var description: String { "waited in vain for \(what)\(details.isEmpty ? "" : "; \(details.suffix(2_000))")" }
}

/// Polls a condition until it holds.
func eventually(
    within limit: Duration, every interval: Duration = .milliseconds(10), _ what: String,
    details: () -> String = { "" }, _ condition: () throws -> Bool
) throws {
    let deadline = ContinuousClock.now + limit
    while try !condition() {
        guard ContinuousClock.now < deadline else { throw TimedOut(what: what, details: details()) }
        pause(interval)
    }
}

/// Blocks this thread.
func pause(_ duration: Duration) { usleep(UInt32(clamping: Int64(duration / .microseconds(1)))) }
