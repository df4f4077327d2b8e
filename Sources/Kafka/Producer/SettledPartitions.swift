import CRdKafka
import Synchronization

/// Spreads records without keys over a topic's partitions, and leaves new ones alone until the topic's readers have noticed
/// them: what is sent there before waits for that.
///
/// Those that are there when the first record is sent count as old: nobody tells since when they exist. Like librdkafka's own
/// choice it stays with one partition for some milliseconds, so that records go in sets, and avoids those without a leader.
package final class SettledPartitions: Sendable {
    private struct State {
        var count = PartitionCount()
        var chosen: Int32 = -1
        var chosenAt = ContinuousClock.now
    }

    private let patience: Duration
    private let state = Mutex(State())

    /// - Parameter patience: how long readers may need to notice a new partition.
    package init(after patience: Duration) { self.patience = patience }

    /// Makes this the partitioner of the topic that is made of the configuration; has to outlive the client.
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

/// How many of a topic's partitions have been there for some time. A value: it is told how many there are.
package struct PartitionCount {
    private var settled: Int32 = 0
    private var grown: (count: Int32, since: ContinuousClock.Instant)?

    package init() {}

    /// Of as many partitions as there are now, how many there were a while ago.
    package mutating func settled(
        of count: Int32, at now: ContinuousClock.Instant, after patience: Duration
    ) -> Int32 {
        if settled == 0 || count <= settled {
            // A topic that was made anew with fewer has no older ones.
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
