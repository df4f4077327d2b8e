/// How far a group is from the end of one partition, as the brokers tell it.
package struct GroupLag: Hashable, Sendable {
    /// The partition.
    package let partition: TopicPartition
    /// The offset of the next record that a member would read; nil while the group has committed nothing here.
    package let committed: Int64?
    /// The oldest offset that the broker still has.
    package let low: Int64
    /// The offset of the next record to be written.
    package let high: Int64

    package init(partition: TopicPartition, committed: Int64?, low: Int64, high: Int64) {
        self.partition = partition
        self.committed = committed
        self.low = low
        self.high = high
    }

    /// Where the group goes on. One that has committed nothing, or a place that is not there since the topic was made
    /// again, begins at the oldest record; what was deleted unread is nobody's work any more.
    private var position: Int64 {
        guard let committed, committed <= high else { return low }
        return max(committed, low)
    }

    /// How many records wait.
    package var records: Int64 { max(high - position, 0) }

    /// In how many seconds the group, at its pace since an earlier look, has done what waits in all of these
    /// partitions together; 0 when nothing waits, nil when something does and nothing moves.
    package static func secondsToCatchUp(
        _ lags: some Collection<GroupLag>, since earlier: some Collection<GroupLag>, _ interval: Duration
    ) -> Double? {
        let waiting = lags.reduce(0) { $0 + $1.records }
        guard waiting > 0 else { return 0 }
        let before = Dictionary(earlier.map { ($0.partition, $0.position) }, uniquingKeysWith: max)
        // Only by what was committed: the oldest record moves by itself, when the brokers delete.
        let moved: Int64 = lags.reduce(0) { sum, lag in
            guard let committed = lag.committed, let start = before[lag.partition] else { return sum }
            return sum + max(min(committed, lag.high) - start, 0)
        }
        guard moved > 0, interval > .zero else { return nil }
        return Double(waiting) * (interval / .seconds(1)) / Double(moved)
    }
}
