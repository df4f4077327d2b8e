import Foundation
import TestSupport

/// Runs kcat, a Kafka client that shares no code with Triage.
func kcat(_ arguments: [String], input: String = "") throws -> String {
    let outcome = try Command.run(
        ProjectFolder.url.path + "/compose/local/kcat", arguments, input: [Array(input.utf8)])
    guard outcome.status == 0 else { throw TimedOut(what: "kcat \(arguments)", details: outcome.errors) }
    return outcome.output
}
