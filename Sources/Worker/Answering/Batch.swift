import Kafka
package import Messages

/// A batch of requests, from receive to the last acknowledgement. Batches are reused, so their memory stays warm.
///
/// It keeps the received records until then, so that a request whose reply cannot be delivered can still be
/// dead-lettered unchanged. It also keeps the reply bytes, which the producer sends without copying.
package final class Batch {
    /// The index in the window.
    package let slot: Int
    /// Holds the data that cannot be borrowed from the records.
    let decoder: RequestDecoder
    /// The requests; `nil` while the batch is unused.
    var records: ReceivedRecords?
    /// Partitions lost or revoked before the batch was answered. Their records no longer belong to this worker.
    package internal(set) var lostPartitions: [Int32] = []

    /// One per request, in the same order; empty until the batch is answered.
    package internal(set) var answers: [Answer] = []
    /// The indexes of the answers without a classification.
    package internal(set) var failed: [Int] = []
    /// The reply bytes. Nothing is appended after the first send, because growing would move them.
    package let arena = ByteArena()
    /// How many of the answers are for records of lost partitions: nothing is sent for them.
    package internal(set) var skippedCount = 0
    /// Where label and confidence of each answer are in the arena, if headers repeat them; else empty.
    private var notes: [Note] = []
    /// How many of the answers say that they are unsure.
    package internal(set) var unsureCount = 0
    /// How many of the answers the model's encoder gave.
    package internal(set) var encoderCount = 0
    /// Time spent in the classifier, and of that in its encoder.
    package internal(set) var classifying: Duration = .zero
    package internal(set) var encoderTime: Duration = .zero

    /// The offset range of the batch in each partition.
    var spans = BatchSpans()
    /// The claims to complete in the ledger once everything is acknowledged.
    var claims: [OffsetLedger.Claim] = []
    /// How many records are enqueued, or waiting to be sent again, and not acknowledged.
    var unacknowledged = 0
    /// Whether the writers' schemas of all values are there.
    var hasSchemas = false
    /// Whether every record has been enqueued.
    var isSent = false
    /// When the batch was received.
    var receivedAt = ContinuousClock.now

    package init(slot: Int, format: RequestFormat, schemas: SchemaTable? = nil) {
        self.slot = slot
        decoder = RequestDecoder(format, schemas: schemas)
    }

    /// Whether every reply and dead letter is enqueued and acknowledged.
    package var isDone: Bool { isSent && unacknowledged == 0 }

    package func add(_ answer: Answer) { answers.append(answer) }

    /// What headers repeat of an answer.
    package typealias Note = (label: Range<Int>, confidence: Range<Int>)

    func setNote(_ note: Note, of index: Int) {
        if notes.count < answers.count {
            notes.append(
                contentsOf: repeatElement((label: 0..<0, confidence: 0..<0), count: answers.count - notes.count))
        }
        notes[index] = note
    }

    /// Nil if there is none.
    package func note(of index: Int) -> Note? { index < notes.count ? notes[index] : nil }

    /// Borrows an answer without copying it.
    func withAnswer<Failure: Error>(
        _ index: Int, _ body: (borrowing Answer) throws(Failure) -> Void
    ) throws(Failure) {
        try answers.withUnsafeBufferPointer { answers throws(Failure) in try body(answers[index]) }
    }

    /// Clears the batch but keeps its memory.
    package func reset() {
        records = nil
        lostPartitions.removeAll()
        answers.removeAll(keepingCapacity: true)
        failed.removeAll(keepingCapacity: true)
        skippedCount = 0
        unsureCount = 0
        notes.removeAll(keepingCapacity: true)
        decoder.reset()
        arena.reset()
        encoderCount = 0
        classifying = .zero
        encoderTime = .zero
        spans.removeAll()
        claims.removeAll(keepingCapacity: true)
        unacknowledged = 0
        isSent = false
        hasSchemas = false
    }
}

/// The received records, boxed: an optional of a noncopyable type is awkward to borrow from.
final class ReceivedRecords {
    let batch: ConsumedBatch

    init(_ batch: consuming ConsumedBatch) {
        self.batch = batch
    }
}

/// The batches received and not yet acknowledged: a set of slots, each with a reusable batch.
///
/// Callers check ``isFull`` before they receive; a received batch is never refused.
struct BatchWindow {
    private var batches: [Batch] = []
    private var free: [Int] = []
    private let capacity: Int
    private let format: RequestFormat
    private let schemas: SchemaTable?
    /// The number of open batches.
    private(set) var count = 0

    init(capacity: Int, format: RequestFormat, schemas: SchemaTable?) {
        self.capacity = capacity
        self.format = format
        self.schemas = schemas
    }

    var isFull: Bool { count >= capacity }
    var isEmpty: Bool { count == 0 }

    subscript(slot: Int) -> Batch { batches[slot] }

    /// Opens a slot.
    mutating func open() -> Batch {
        count += 1
        if let slot = free.popLast() { return batches[slot] }
        let batch = Batch(slot: batches.count, format: format, schemas: schemas)
        batches.append(batch)
        return batch
    }

    /// Frees a slot and the received records' memory.
    mutating func close(_ batch: Batch) {
        batch.reset()
        free.append(batch.slot)
        count -= 1
    }

    /// Frees all slots. Nothing may be in flight any more.
    mutating func closeAll() {
        for batch in batches where !free.contains(batch.slot) { close(batch) }
    }
}
