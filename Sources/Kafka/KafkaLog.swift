package import Logging

/// Where a client's log lines, errors and statistics go.
///
/// A healthy client logs nothing. When no broker can be reached, one warning gives the reason, and one line reports
/// when a broker answers again. Any other repeated line is written at most once every 30 seconds.
package struct KafkaLog: Sendable {
    /// Receives the log lines.
    package var logger: Logger
    /// Called for every error not returned by a call: brokers down, refused credentials, partition errors, background
    /// commits, fatal errors (`isFatal`). Called on a thread that serves the client, or on a librdkafka thread; it must
    /// return soon.
    package var onError: (@Sendable (KafkaError) -> Void)?
    /// Called when a consumer's position no longer exists, so that `auto.offset.reset` applies: records were deleted
    /// before they were read, or the topic was recreated. Called on a librdkafka thread.
    package var onPositionReset: (@Sendable () -> Void)?
    /// Called when a background commit has failed, after `onError`.
    package var onCommitFailure: (@Sendable () -> Void)?
    /// Called with `false` when no broker answers, not even when probed, and with `true` when one answers again. While
    /// none answers, `receive` and `receiveDeliveryReports` probe for one, at most once a second and for 100 ms, so
    /// that even an idle client notices a recovery.
    package var onConnectionChange: (@Sendable (_ isConnected: Bool) -> Void)?
    /// Receives librdkafka's statistics as JSON every `statistics.interval.ms`, if that property is set. The bytes are
    /// valid only during the call.
    package var onStatistics: (@Sendable (UnsafeRawBufferPointer) -> Void)?

    /// Sends log lines to `logger` and everything else to the closures.
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
