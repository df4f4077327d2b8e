import Kafka
package import Messages

/// A batch of requests from receiving to the last acknowledgement. Reused: its memory stays warm.
///
/// It keeps the received records until then, so that one whose reply cannot be delivered can still be dead-lettered
/// untouched, and the bytes of its replies, which the producer sends from where they are.
package final class Batch {
    /// The place in the window.
    package let slot: Int
    /// Holds what could not be borrowed from the records.
    let decoder: RequestDecoder
    /// The requests; `nil` between two uses.
    var records: ReceivedRecords?
    /// Partitions that were taken away before the batch was answered: their records are not this worker's any more.
    package internal(set) var lostPartitions: [Int32] = []

    /// One for each request, in its order; empty until the batch is answered.
    package internal(set) var answers: [Answer] = []
    /// The indexes of the answers without a classification.
    package internal(set) var failed: [Int] = []
    /// The replies' bytes. Nothing is appended once the first was sent, since growing would move them.
    package let arena = ByteArena()
    /// How long the calls to the classifier took.
    package internal(set) var classifying: Duration = .zero

    /// The batch's part of each partition.
    var spans = BatchSpans()
    /// What the ledger is to be told when everything is acknowledged.
    var claims: [OffsetLedger.Claim] = []
    /// How many records were handed to the producer, or are to be sent again, and are not acknowledged.
    var unacknowledged = 0
    /// Whether all of it was handed to the producer.
    var isSent = false
    /// When it was received.
    var receivedAt = ContinuousClock.now

    package init(slot: Int, maximumTextBytes: Int) {
        self.slot = slot
        decoder = RequestDecoder(maximumTextBytes: maximumTextBytes)
    }

    /// Whether every reply and dead letter was handed over and acknowledged.
    package var isDone: Bool { isSent && unacknowledged == 0 }

    package func add(_ answer: Answer) { answers.append(answer) }

    /// Lends an answer, without copying it.
    func withAnswer<Failure: Error>(
        _ index: Int, _ body: (borrowing Answer) throws(Failure) -> Void
    ) throws(Failure) {
        try answers.withUnsafeBufferPointer { answers throws(Failure) in try body(answers[index]) }
    }

    /// Forgets everything and keeps the memory.
    package func reset() {
        records = nil
        lostPartitions.removeAll()
        answers.removeAll(keepingCapacity: true)
        failed.removeAll(keepingCapacity: true)
        decoder.reset()
        arena.reset()
        classifying = .zero
        spans.removeAll()
        claims.removeAll(keepingCapacity: true)
        unacknowledged = 0
        isSent = false
    }
}

/// The received records, held by reference: an optional of a type that cannot be copied is awkward to borrow from.
final class ReceivedRecords {
    let batch: ConsumedBatch

    init(_ batch: consuming ConsumedBatch) {
        self.batch = batch
    }
}

/// The batches that were received and are not acknowledged: a number of places, each with its reusable batch.
///
/// The bound is for those who ask ``isFull`` before they receive; what was received is never refused.
struct BatchWindow {
    private var batches: [Batch] = []
    private var free: [Int] = []
    private let capacity: Int
    private let maximumTextBytes: Int
    /// How many batches are in it.
    private(set) var count = 0

    init(capacity: Int, maximumTextBytes: Int) {
        self.capacity = capacity
        self.maximumTextBytes = maximumTextBytes
    }

    var isFull: Bool { count >= capacity }
    var isEmpty: Bool { count == 0 }

    subscript(slot: Int) -> Batch { batches[slot] }

    /// Takes a place.
    mutating func open() -> Batch {
        count += 1
        if let slot = free.popLast() { return batches[slot] }
        let batch = Batch(slot: batches.count, maximumTextBytes: maximumTextBytes)
        batches.append(batch)
        return batch
    }

    /// Gives a place back, and the received records' memory with it.
    mutating func close(_ batch: Batch) {
        batch.reset()
        free.append(batch.slot)
        count -= 1
    }

    /// Gives all places back. Nothing may be on its way any more.
    mutating func closeAll() {
        for batch in batches where !free.contains(batch.slot) { close(batch) }
    }
}
