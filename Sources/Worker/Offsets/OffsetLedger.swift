/// The partitions that a lane owns, how far they are answered, and how far that is committed. A value, independent of
/// Kafka: the lane tells it what happens and asks what may be committed.
///
/// Each ownership has a generation, and each claim carries it. A claim completed after the partition was revoked (and
/// perhaps reassigned) changes nothing.
package struct OffsetLedger {
    /// A claim on an offset range of a partition, kept by a batch until it is answered.
    package struct Claim: Hashable {
        package let partition: Int32
        package let generation: UInt64
        package let number: UInt64
    }

    /// A position: the next offset to read.
    package struct Position: Hashable {
        package let partition: Int32
        package let offset: Int64

        package init(partition: Int32, offset: Int64) {
            self.partition = partition
            self.offset = offset
        }
    }

    private struct Entry {
        var progress: PartitionProgress
        /// Everything before this offset is committed; initially the first offset received.
        var committed: Int64?
    }

    /// By partition number. Partitions are numbered from 0, so the array is dense enough and needs no hashing.
    private var entries: [Entry?] = []
    private var lastGeneration: UInt64 = 0

    /// Whether something was answered since the last commit; cheaper than ``uncommitted(among:)``.
    package private(set) var hasUncommitted = false

    package init() {}

    /// The partitions owned now, ascending.
    package var owned: [Int32] { entries.indices.filter { entries[$0] != nil }.map(Int32.init) }

    /// How many partitions are owned now.
    package private(set) var ownedCount = 0

    /// This worker now owns the partition. If it did already, a new ownership starts.
    package mutating func assign(_ partition: Int32) {
        guard partition >= 0 else { return }
        while entries.count <= Int(partition) { entries.append(nil) }
        if entries[Int(partition)] == nil { ownedCount += 1 }
        lastGeneration += 1
        entries[Int(partition)] = Entry(progress: PartitionProgress(generation: lastGeneration))
    }

    /// This worker no longer owns the partition: nothing more of it is committed.
    package mutating func release(_ partition: Int32) {
        guard let index = index(of: partition) else { return }
        entries[index] = nil
        ownedCount -= 1
    }

    /// Requests from `first` up to, not including, `end` were received. Returns `nil` if the partition is not owned:
    /// another member answers them.
    package mutating func begin(partition: Int32, first: Int64, end: Int64) -> Claim? {
        guard let index = index(of: partition), var entry = take(index) else { return nil }
        let number = entry.progress.begin(end: end)
        if entry.committed == nil { entry.committed = first }
        let claim = Claim(partition: partition, generation: entry.progress.generation, number: number)
        entries[index] = entry
        return claim
    }

    /// The same for each owned partition of a batch.
    package mutating func begin(_ spans: BatchSpans, claims: inout [Claim]) {
        for span in spans.spans {
            guard let claim = begin(partition: span.partition, first: span.first, end: span.end) else { continue }
            claims.append(claim)
        }
    }

    /// All requests of a claim are answered. Returns whether the partition's position advanced.
    @discardableResult
    package mutating func complete(_ claim: Claim) -> Bool {
        guard let index = index(of: claim.partition), var entry = take(index) else { return false }
        defer { entries[index] = entry }
        guard entry.progress.generation == claim.generation, entry.progress.complete(claim.number) else { return false }
        hasUncommitted = true
        return true
    }

    /// The positions that can be committed and are not yet; only of the given partitions, if any.
    package func uncommitted(among partitions: Set<Int32>? = nil) -> [Position] {
        var positions: [Position] = []
        for index in entries.indices {
            guard let entry = entries[index], let position = entry.progress.position, position != entry.committed,
                partitions?.contains(Int32(index)) ?? true
            else { continue }
            positions.append(Position(partition: Int32(index), offset: position))
        }
        return positions
    }

    /// The positions, all of those from ``uncommitted(among:)``, are committed.
    package mutating func markCommitted(_ positions: [Position]) {
        hasUncommitted = false
        for position in positions {
            guard let index = index(of: position.partition) else { continue }
            entries[index]?.committed = position.offset
        }
    }

    /// A commit reported with ``markCommitted(_:)`` has failed: the next one is due.
    package mutating func commitFailed() { hasUncommitted = true }

    /// Forgets everything received since the last commit and returns the positions to seek to. Earlier claims become
    /// void. A partition without received requests needs no seek.
    package mutating func rewind() -> [Position] {
        var positions: [Position] = []
        for index in entries.indices {
            guard let entry = entries[index] else { continue }
            let partition = Int32(index)
            assign(partition)
            guard let committed = entry.committed else { continue }
            entries[index]?.committed = committed
            positions.append(Position(partition: partition, offset: committed))
        }
        return positions
    }

    private func index(of partition: Int32) -> Int? {
        let index = Int(partition)
        return entries.indices.contains(index) && entries[index] != nil ? index : nil
    }

    /// Takes an entry out, so that its array is modified in place and not copied.
    private mutating func take(_ index: Int) -> Entry? {
        defer { entries[index] = nil }
        return entries[index]
    }
}

/// How far one partition has been answered, during one ownership of it.
///
/// Requests of a partition are received in order, one *stretch* per batch, and stretches may be answered in any order.
/// ``position`` moves only over a prefix of answered stretches: everything before it has an acknowledged reply or dead
/// letter. Stretches follow each other as received, not by consecutive offsets: those have gaps (compaction,
/// transaction markers).
package struct PartitionProgress {
    /// Distinguishes this ownership of the partition from others.
    package let generation: UInt64

    /// The offset after the last request answered without a gap; `nil` until there is one.
    package private(set) var position: Int64?

    /// Stretches from the first unanswered one; the index of a stretch is its number minus ``firstNumber``.
    private var stretches: [Stretch] = []
    private var firstNumber: UInt64 = 0

    private struct Stretch {
        var end: Int64
        var isAnswered = false
    }

    package init(generation: UInt64) {
        self.generation = generation
    }

    /// Whether something received is not yet answered.
    package var hasUnanswered: Bool { !stretches.isEmpty }

    /// Records that requests up to, not including, `end` were received. Returns the stretch's number.
    package mutating func begin(end: Int64) -> UInt64 {
        stretches.append(Stretch(end: end))
        return firstNumber + UInt64(stretches.count) - 1
    }

    /// Records that all of a stretch is answered. Returns whether ``position`` advanced.
    package mutating func complete(_ number: UInt64) -> Bool {
        guard number >= firstNumber, number - firstNumber < UInt64(stretches.count) else { return false }
        stretches[Int(number - firstNumber)].isAnswered = true
        var answered = 0
        while answered < stretches.count, stretches[answered].isAnswered {
            position = stretches[answered].end
            answered += 1
        }
        guard answered > 0 else { return false }
        stretches.removeFirst(answered)
        firstNumber += UInt64(answered)
        return true
    }
}

/// The stretches of a batch, one per partition: collected record by record, then claimed from the ledger.
package struct BatchSpans {
    package struct Span: Hashable {
        package let partition: Int32
        package let first: Int64
        package var end: Int64
    }

    package private(set) var spans: [Span] = []
    /// The index of the previous record's span: records of a partition come in runs.
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
