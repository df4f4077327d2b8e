public import Kafka
public import Platform

/// The bounds of one lane. Each lane has its own thread, consumer, producer and classifier session.
public struct LaneSettings: Sendable {
    /// The most requests in one batch.
    public var maximumBatchRecords: Int
    /// How long a batch may take from receiving to sending. Batches that take longer make the next ones smaller, so
    /// that deadlines, rebalances and the order to stop never wait long, however slow the classifier is.
    public var maximumBatchDuration: Duration
    /// The most batches whose replies the broker has not acknowledged yet. Beyond it nothing more is received.
    public var maximumInFlightBatches: Int
    /// When nothing could be received for this long, because too much is in flight, the partitions are paused, so that
    /// the consumer can be polled, and so stays a member of its group, without receiving more.
    public var pauseAfter: Duration = .seconds(1)
    /// Of the lane's thread, and of librdkafka's for this lane.
    public var priority = ThreadPriority.normal
    /// librdkafka properties of this lane alone; they win over ``WorkerConfiguration/kafka``.
    public var kafka: KafkaProperties = [:]

    /// For throughput: large batches, a few in flight.
    public static let bulk = LaneSettings(
        maximumBatchRecords: 1_000, maximumBatchDuration: .milliseconds(20), maximumInFlightBatches: 16)

    /// For latency: whatever is there goes at once, so batches are small and many. The producer's queue bounds them.
    public static let interactive = LaneSettings(
        maximumBatchRecords: 128, maximumBatchDuration: .milliseconds(5), maximumInFlightBatches: 4_096)
}
