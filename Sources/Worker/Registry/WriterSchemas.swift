import Kafka
import Messages

/// The writers' schemas that one lane needs. Its thread reads ``table`` without a lock.
///
/// A schema that a batch was found to need stays in the table until the batch is decoded: what is too much or out of date
/// goes when the next batch is looked at first.
final class WriterSchemas {
    /// The most schemas kept from one batch to the next.
    private static let capacity = 1_000

    let table = SchemaTable()
    private let registry: SchemaRegistry
    private let wakeup: Wakeup
    /// When schemas that the registry did not know are asked for again.
    private var expiries: [UInt32: ContinuousClock.Instant] = [:]
    /// What the batch in hand waits for.
    private var missing: Set<UInt32> = []
    private var isWaiting = false

    /// - Parameter wakeup: signalled when something that was missing has come.
    init(from registry: SchemaRegistry, wakeup: Wakeup) {
        self.registry = registry
        self.wakeup = wakeup
    }

    /// Whether the table has all schemas that a batch needs. Asks the registry for the others.
    ///
    /// - Parameter lost: partitions whose records are not decoded.
    func prepare(
        _ records: borrowing ConsumedBatch, without lost: [Int32], format: RequestFormat,
        at now: ContinuousClock.Instant
    ) -> Bool {
        if !isWaiting { dropOld(at: now) }
        var stillMissing: Set<UInt32> = []
        var last: UInt32?
        for index in 0..<records.count {
            let record = records.record(at: index)
            guard let value = record.value, value.first == 0, !lost.contains(record.partition) else { continue }
            let id = format.schemaID(of: value) {
                var headers = RequestHeaders()
                record.forEachHeader { headers.add(name: $0, value: $1) }
                return headers.contentType
            }
            guard let id, id != last else { continue }
            if isThere(id) { last = id } else { stillMissing.insert(id) }
        }
        withdraw(missing.subtracting(stillMissing))
        for id in stillMissing.subtracting(missing) { registry.request(id, onArrival: wakeup) }
        missing = stillMissing
        isWaiting = !missing.isEmpty
        return !isWaiting
    }

    /// The batch in hand is not decoded: nothing is waited for.
    func giveUp() {
        withdraw(missing)
        missing = []
        isWaiting = false
    }

    private func withdraw(_ ids: Set<UInt32>) {
        for id in ids { registry.withdraw(id, onArrival: wakeup) }
    }

    private func dropOld(at now: ContinuousClock.Instant) {
        if table.count > Self.capacity {
            table.removeAll()
            expiries.removeAll()
        }
        guard !expiries.isEmpty else { return }
        for (id, expiry) in expiries where expiry <= now {
            expiries[id] = nil
            table[id] = nil
        }
    }

    private func isThere(_ id: UInt32) -> Bool {
        if table[id] != nil { return true }
        guard let (schema, expiry) = registry.schema(id) else { return false }
        table[id] = schema
        expiries[id] = expiry
        return true
    }
}
