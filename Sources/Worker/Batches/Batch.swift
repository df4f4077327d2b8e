import Kafka
import Messages

/// A batch of requests from receiving to the last acknowledgement. Reused: its memory stays warm.
///
/// It keeps the received records until then, so that one whose reply cannot be delivered can still be dead-lettered
/// untouched, and the bytes of its replies, which the producer sends from where they are.
final class Batch {
    /// The place in the window.
    let slot: Int
    /// The requests; `nil` between two uses.
    var records: ReceivedRecords?
    /// The replies' bytes. Nothing is appended once the first was sent, since growing would move them.
    let arena = ByteArena()
    /// Where in the arena each record's reply lies.
    var values: [Range<Int>] = []
    /// Why records have no classification, by their index: those few that have none.
    var failures: [Int: Answer.Failure] = [:]
    /// How to send what could not be delivered as usual, by the record's index.
    var plans: [Int: DeliveryPlan] = [:]
    /// What the ledger is to be told when everything is acknowledged.
    var claims: [OffsetLedger.Claim] = []
    /// How many records were handed to the producer and not acknowledged.
    var unacknowledged = 0
    /// Whether all of it was handed to the producer.
    var isSent = false
    /// When it was received.
    var receivedAt = ContinuousClock.now

    init(slot: Int) {
        self.slot = slot
    }

    var isDone: Bool { isSent && unacknowledged == 0 }
}

/// The received records, held by reference: an optional of a type that cannot be copied is awkward to borrow from.
final class ReceivedRecords {
    let batch: ConsumedBatch

    init(_ batch: consuming ConsumedBatch) {
        self.batch = batch
    }
}

/// The batches in flight: a number of places, each with its reusable batch.
///
/// The bound is for those who ask ``isFull`` before they receive; what was received is never refused.
struct BatchWindow {
    private var batches: [Batch] = []
    private var free: [Int] = []
    private let capacity: Int
    /// How many batches are in flight.
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = capacity
    }

    var isFull: Bool { count >= capacity }
    var isEmpty: Bool { count == 0 }

    subscript(slot: Int) -> Batch { batches[slot] }

    /// Takes a place.
    mutating func open() -> Batch {
        count += 1
        if let slot = free.popLast() { return batches[slot] }
        let batch = Batch(slot: batches.count)
        batches.append(batch)
        return batch
    }

    /// Gives a place back, and the received records' memory with it.
    mutating func close(_ batch: Batch) {
        batch.records = nil
        batch.arena.reset()
        batch.values.removeAll(keepingCapacity: true)
        batch.failures.removeAll(keepingCapacity: true)
        batch.plans.removeAll(keepingCapacity: true)
        batch.claims.removeAll(keepingCapacity: true)
        batch.unacknowledged = 0
        batch.isSent = false
        free.append(batch.slot)
        count -= 1
    }

    /// Gives all places back. Nothing may be on its way any more.
    mutating func closeAll() {
        for batch in batches where !free.contains(batch.slot) { close(batch) }
    }
}
