/// How far a group is from the end of one partition, as reported by the brokers.
package struct GroupLag: Hashable, Sendable {
    /// The partition.
    package let partition: TopicPartition
    /// The group's committed offset; nil if it has committed nothing here.
    package let committed: Int64?
    /// The oldest offset the broker still has.
    package let low: Int64
    /// The end offset.
    package let high: Int64

    package init(partition: TopicPartition, committed: Int64?, low: Int64, high: Int64) {
        self.partition = partition
        self.committed = committed
        self.low = low
        self.high = high
    }

    /// Where the group resumes. Without a committed offset, or with one beyond the end because the topic was recreated,
    /// it starts at the oldest record. Records deleted unread do not count.
    private var position: Int64 {
        guard let committed, committed <= high else { return low }
        return max(committed, low)
    }

    /// The number of records left to process.
    package var records: Int64 { max(high - position, 0) }

    /// Seconds until the group has processed the lag of all these partitions, at its pace since an earlier sample: 0
    /// without lag, nil if there is lag and no progress.
    package static func secondsToCatchUp(
        _ lags: some Collection<GroupLag>, since earlier: some Collection<GroupLag>, _ interval: Duration
    ) -> Double? {
        let waiting = lags.reduce(0) { $0 + $1.records }
        guard waiting > 0 else { return 0 }
        let before = Dictionary(earlier.map { ($0.partition, $0.position) }, uniquingKeysWith: max)
        // Count commits only: the oldest offset also moves when brokers delete records.
        let moved: Int64 = lags.reduce(0) { sum, lag in
            guard let committed = lag.committed, let start = before[lag.partition] else { return sum }
            return sum + max(min(committed, lag.high) - start, 0)
        }
        guard moved > 0, interval > .zero else { return nil }
        return Double(waiting) * (interval / .seconds(1)) / Double(moved)
    }
}
