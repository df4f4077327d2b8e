import Kafka

/// Why a worker cannot start or had to stop. No unanswered request was committed: another worker, or this one after a
/// restart, resumes from there.
package struct WorkerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The machine-readable cause; each has its exit code.
    package enum Code: String, Sendable, CaseIterable {
        /// No broker, or no schema registry, answered in time, or it refused this worker.
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

extension WorkerError {
    static let consumerProtocolNeeds =
        "--group-protocol consumer takes Apache Kafka 4.0 or newer, with its feature group.version at 1 "
        + "(kafka-features.sh); with other brokers leave it out"

    init(_ error: KafkaError, lane: LaneName, groupProtocol: WorkerConfiguration.GroupProtocol = .classic) {
        let code: Code =
            switch error.code {
            case .fencedInstance, .fenced, .producerFenced, .unreleasedInstance: .replacedByAnother
            case let code where code.isAboutConnection || code == .timedOut: .brokerUnavailable
            case .groupNotFound: .brokerUnavailable
            case .unknownTopic, .unknownTopicOrPartition: .topicMissing
            default: .clientFailed
            }
        let explanation =
            switch error.code {
            case .unreleasedInstance:
                "another worker has this --instance-id, or had it and died: with --group-protocol consumer the brokers "
                    + "keep its place until its session is over (group.consumer.session.timeout.ms)"
            case .groupNotFound:
                "the group has workers with --group-protocol classic, beside which Kafka takes none with consumer: "
                    + "stop them all, then start the new ones"
            case .unsupportedVersion where groupProtocol == .consumer,
                .unsupportedFeature where groupProtocol == .consumer:
                Self.consumerProtocolNeeds
            default: "\(error)"
            }
        self.init(code: code, message: "\(lane.rawValue) lane: \(explanation)")
    }
}
