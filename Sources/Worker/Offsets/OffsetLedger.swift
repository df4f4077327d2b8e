/// What one lane owns of its topic, how far it has answered it, and how far that is committed. A value without Kafka:
/// the lane tells it what happens and asks what may be committed.
///
/// Ownership is numbered. A completion carries the number that it was received under, so that one which comes after the
/// partition was taken away (and perhaps given back) changes nothing.
package struct OffsetLedger {
    /// A claim on a part of a partition, kept by a batch until it is answered.
    package struct Claim: Hashable {
        package let partition: Int32
        package let generation: UInt64
        package let number: UInt64
    }

    /// An offset of a partition: the next one that is to be read.
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
        /// Everything before this offset is committed; at first the first offset received.
        var committed: Int64?
    }

    /// By partition number. A topic's partitions are numbered from 0, so this is dense enough and needs no hashing.
    private var entries: [Entry?] = []
    private var lastGeneration: UInt64 = 0

    package init() {}

    /// The partitions owned now, ascending.
    package var owned: [Int32] { entries.indices.filter { entries[$0] != nil }.map(Int32.init) }

    /// How many partitions are owned now.
    package private(set) var ownedCount = 0

    /// The partition is this worker's from now on. One that it owns already starts a new ownership.
    package mutating func assign(_ partition: Int32) {
        guard partition >= 0 else { return }
        while entries.count <= Int(partition) { entries.append(nil) }
        if entries[Int(partition)] == nil { ownedCount += 1 }
        lastGeneration += 1
        entries[Int(partition)] = Entry(progress: PartitionProgress(generation: lastGeneration))
    }

    /// The partition is no longer this worker's: nothing of it will be committed any more.
    package mutating func release(_ partition: Int32) {
        guard let index = index(of: partition) else { return }
        entries[index] = nil
        ownedCount -= 1
    }

    /// Requests from `first` up to `end` were received. Returns `nil` if the partition is not owned: they are somebody
    /// else's to answer.
    package mutating func begin(partition: Int32, first: Int64, end: Int64) -> Claim? {
        guard let index = index(of: partition), var entry = take(index) else { return nil }
        let number = entry.progress.begin(end: end)
        if entry.committed == nil { entry.committed = first }
        let claim = Claim(partition: partition, generation: entry.progress.generation, number: number)
        entries[index] = entry
        return claim
    }

    /// All of a claim is answered. Returns whether the partition can now be committed further.
    @discardableResult
    package mutating func complete(_ claim: Claim) -> Bool {
        guard let index = index(of: claim.partition), var entry = take(index) else { return false }
        defer { entries[index] = entry }
        guard entry.progress.generation == claim.generation else { return false }
        return entry.progress.complete(claim.number)
    }

    /// The positions that may be committed and are not yet; of the given partitions only, if any are given.
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

    /// The positions are committed.
    package mutating func markCommitted(_ positions: [Position]) {
        for position in positions {
            guard let index = index(of: position.partition) else { continue }
            entries[index]?.committed = position.offset
        }
    }

    /// Forgets everything received since the last commit and returns where each partition is to be read again. Claims
    /// given out before are void. A partition of which nothing was received is where it has to be.
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

    /// Takes an entry out, so that its array is changed in place instead of copied.
    private mutating func take(_ index: Int) -> Entry? {
        defer { entries[index] = nil }
        return entries[index]
    }
}
