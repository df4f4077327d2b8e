import CRdKafka
import Synchronization

/// Spreads records over a topic's partitions, ignoring keys. Does not use a new partition until the topic's consumers
/// have noticed it: earlier records would wait for that.
///
/// Partitions present when the first record is sent count as old, as their age is unknown. Like librdkafka's
/// partitioner it sticks to one partition for some milliseconds to fill batches, and avoids partitions without a
/// leader.
package final class SettledPartitions: Sendable {
    private struct State {
        var count = PartitionCount()
        var chosen: Int32 = -1
        var chosenAt = ContinuousClock.now
    }

    private let patience: Duration
    private let state = Mutex(State())

    /// - Parameter patience: how long consumers may need to notice a new partition.
    package init(after patience: Duration) { self.patience = patience }

    /// Sets this as the partitioner in a topic configuration. It must outlive the client.
    func install(in configuration: OpaquePointer) {
        rd_kafka_topic_conf_set_opaque(configuration, Unmanaged.passUnretained(self).toOpaque())
        rd_kafka_topic_conf_set_partitioner_cb(configuration) { topic, _, _, count, opaque, _ in
            guard let topic, let opaque else { return 0 }
            return Unmanaged<SettledPartitions>.fromOpaque(opaque).takeUnretainedValue().choose(topic, of: count)
        }
    }

    private func choose(_ topic: OpaquePointer, of count: Int32) -> Int32 {
        let now = ContinuousClock.now
        return state.withLock { state in
            let settled = state.count.settled(of: count, at: now, after: patience)
            if state.chosen < 0 || state.chosen >= settled || now - state.chosenAt >= .milliseconds(10)
                || rd_kafka_topic_partition_available(topic, state.chosen) == 0
            {
                state.chosen = rd_kafka_msg_partitioner_random(topic, nil, 0, settled, nil, nil)
                state.chosenAt = now
            }
            return state.chosen
        }
    }
}

/// Tracks how many of a topic's partitions are old enough to use.
package struct PartitionCount {
    private var settled: Int32 = 0
    private var grown: (count: Int32, since: ContinuousClock.Instant)?

    package init() {}

    /// The number of partitions older than `patience`, given the current `count`.
    package mutating func settled(
        of count: Int32, at now: ContinuousClock.Instant, after patience: Duration
    ) -> Int32 {
        if settled == 0 || count <= settled {
            // A topic recreated with fewer partitions has no older ones.
            (settled, grown) = (count, nil)
        } else if let grown, grown.count <= count {
            guard now - grown.since >= patience else { return settled }
            settled = grown.count
            self.grown = count > settled ? (count, now) : nil
        } else {
            grown = (count, now)
        }
        return settled
    }
}
