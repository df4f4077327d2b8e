/// Why a worker cannot start or had to stop. No unanswered request was committed: another worker, or this one after a
/// restart, resumes from there.
package struct WorkerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The machine-readable cause; each has its exit code.
    package enum Code: String, Sendable, CaseIterable {
        /// No broker answered in time, or it refused this worker.
        case brokerUnavailable
        /// A topic that the worker needs does not exist.
        case topicMissing
        /// A dead letter could not be written, so its request's offset must not be committed.
        case deadLetterNotWritten
        /// This worker was fenced: another one with the same instance id took over.
        case replacedByAnother
        /// The model could not be used.
        case modelUnusable
        /// The Kafka client hit an error that only a restart can recover from.
        case clientFailed
    }

    /// The machine-readable cause.
    package let code: Code
    /// The cause for operators: one line, no payload.
    package let message: String

    /// The matching exit code, with the names of `sysexits.h`.
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
