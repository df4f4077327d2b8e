/// The stretches of a batch, one per partition: gathered record by record, claimed from the ledger at the end.
package struct BatchSpans {
    package struct Span: Hashable {
        package let partition: Int32
        package let first: Int64
        package var end: Int64
    }

    package private(set) var spans: [Span] = []
    /// Where the record before was counted: records of a partition come in runs.
    private var latest = 0

    package init() {}

    package mutating func add(partition: Int32, offset: Int64) {
        if latest < spans.count, spans[latest].partition == partition {
            spans[latest].end = offset + 1
        } else if let known = spans.firstIndex(where: { $0.partition == partition }) {
            spans[known].end = offset + 1
            latest = known
        } else {
            latest = spans.count
            spans.append(Span(partition: partition, first: offset, end: offset + 1))
        }
    }

    package mutating func removeAll() {
        spans.removeAll(keepingCapacity: true)
        latest = 0
    }
}
