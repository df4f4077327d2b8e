/// Why a worker cannot start or had to stop. Nothing that it had not answered was committed: another worker, or this one
/// started again, goes on from there.
package struct WorkerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong, as a program sees it; each has its exit code.
    package enum Code: String, Sendable, CaseIterable {
        /// No broker answered in time, or it refused this worker.
        case brokerUnavailable
        /// A topic that the worker needs does not exist.
        case topicMissing
        /// A dead letter could not be written, so its request's offset must not be committed.
        case deadLetterNotWritten
        /// Another worker with the same instance id has taken over.
        case replacedByAnother
        /// The model could not be used.
        case modelUnusable
        /// The Kafka client met an error that it cannot recover from; a fresh start can.
        case clientFailed
    }

    /// What went wrong, as a program sees it.
    package let code: Code
    /// What went wrong, as an operator reads it: one line, no payload.
    package let message: String

    /// The exit code that fits, by the names of `sysexits.h`.
    package var exitCode: Int32 {
        switch code {
        case .brokerUnavailable, .topicMissing: 69
        case .modelUnusable: 65
        case .deadLetterNotWritten, .replacedByAnother, .clientFailed: 70
        }
    }

    /// The message.
    package var description: String { message }
}
