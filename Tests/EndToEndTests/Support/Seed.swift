import Foundation
import TestSupport

extension SeededGenerator {
    /// A generator for a test. Its seed is printed; `TRIAGE_TEST_SEED` sets it.
    init(forTest test: String) {
        let given = ProcessInfo.processInfo.environment["TRIAGE_TEST_SEED"].flatMap { UInt64($0) }
        let seed = given ?? UInt64.random(in: 0..<1_000_000)
        report(test, "TRIAGE_TEST_SEED=\(seed)")
        self.init(seed: seed)
    }
}
