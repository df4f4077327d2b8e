package import Logging

/// Where a client's log lines, errors and statistics go.
///
/// A healthy client logs nothing. When no broker can be reached one warning says so with the reason, and one line says when
/// a broker answers again; anything else that repeats is written at most once in half a minute.
package struct KafkaLog: Sendable {
    /// Takes the log lines.
    package var logger: Logger
    /// Takes every error that is not the answer to a call: brokers down, refused credentials, errors of a partition,
    /// commits in the background, fatal errors (`isFatal`). Called on a thread that serves the client, or on one of
    /// librdkafka's; it must return soon.
    package var onError: (@Sendable (KafkaError) -> Void)?
    /// Called when the place at which a consumer was to go on reading is gone, so that it goes on where `auto.offset.reset` says:
    /// records were deleted before they were read, or their topic was made anew. Called on a thread of librdkafka's.
    package var onPositionReset: (@Sendable () -> Void)?
    /// Called when a commit in the background has failed, after `onError` has taken the error.
    package var onCommitFailure: (@Sendable () -> Void)?
    /// Takes `false` when no broker answers any more, one asked for included, and `true` when one does again. As long as none answers, `receive` and
    /// `receiveDeliveryReports` ask for one, at most once a second and for a tenth of one, so that even an idle client learns of it.
    package var onConnectionChange: (@Sendable (_ isConnected: Bool) -> Void)?
    /// Takes librdkafka's statistics as JSON, every `statistics.interval.ms`, if that property is set. The bytes are
    /// borrowed for the call.
    package var onStatistics: (@Sendable (UnsafeRawBufferPointer) -> Void)?

    /// Log lines to `logger`, the rest to the closures.
    package init(
        logger: Logger, onError: (@Sendable (KafkaError) -> Void)? = nil,
        onCommitFailure: (@Sendable () -> Void)? = nil,
        onPositionReset: (@Sendable () -> Void)? = nil,
        onConnectionChange: (@Sendable (_ isConnected: Bool) -> Void)? = nil,
        onStatistics: (@Sendable (UnsafeRawBufferPointer) -> Void)? = nil
    ) {
        self.logger = logger
        self.onError = onError
        self.onCommitFailure = onCommitFailure
        self.onPositionReset = onPositionReset
        self.onConnectionChange = onConnectionChange
        self.onStatistics = onStatistics
    }
}
