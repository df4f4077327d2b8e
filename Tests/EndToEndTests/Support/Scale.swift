import Foundation

/// How large the tests are: a short form with every `make test`, the sizes of the promises with `make soak`.
enum Scale {
    static let isSoak = ProcessInfo.processInfo.environment["TRIAGE_TEST_SOAK"] == "1"

    static func pick<Value>(short: Value, soak: Value) -> Value { isSoak ? soak : short }
}

/// Prints a figure that a test has measured.
func report(_ test: String, _ figures: String) {
    print("· \(test): \(figures)")
    fflush(nil)
}

extension Duration {
    var seconds: Double { self / .seconds(1) }

    var milliseconds: Double { self / .milliseconds(1) }

    /// Such as "1.24 s" or "3.1 ms".
    var text: String {
        self < .seconds(1) ? String(format: "%.1f ms", milliseconds) : String(format: "%.2f s", seconds)
    }
}
