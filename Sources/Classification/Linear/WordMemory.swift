/// A cache of word sums, so that a common word costs one look-up instead of one for each of its n-grams.
///
/// A word's contribution depends on the word alone, and the sums are integers, so a cached word gives exactly the same
/// result as an uncached one. The cache is direct-mapped: a new word evicts the one in its slot. Whole words are
/// compared, so hash collisions do no harm.
struct WordMemory {
    /// Longer words are not cached.
    static let longestWord = 32
    private static let keyBytes = 32

    private let memory: UnsafeMutableRawPointer
    private let mask: Int
    private let entryBytes: Int

    /// - Parameter chunks: The number of 8-lane vectors in a row of sums.
    init(chunks: Int) {
        entryBytes = Self.keyBytes + chunks * MemoryLayout<SIMD8<Int32>>.size
        // At most 1 MiB while rows are short, enough for everyday vocabulary, and at least 4,096 slots for long rows.
        var places = 16_384
        while places > 4096 && places * entryBytes > 1 << 20 { places /= 2 }
        mask = places - 1
        memory = .allocate(byteCount: places * entryBytes, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: places * entryBytes)
    }

    func deallocate() { memory.deallocate() }

    /// The slot of a word.
    @inline(__always)
    func entry(of hash: UInt64) -> UnsafeMutableRawPointer {
        memory + (Int(truncatingIfNeeded: hash) & mask) &* entryBytes
    }

    /// Whether the slot holds this word's sums.
    /// - Parameter word: At most `longestWord` bytes, zero-padded to that length.
    @inline(__always)
    func holds(_ entry: UnsafeRawPointer, _ word: UnsafeRawPointer) -> Bool {
        let difference =
            entry.load(as: SIMD4<UInt64>.self) ^ word.loadUnaligned(as: SIMD4<UInt64>.self)
        return difference[0] | difference[1] | difference[2] | difference[3] == 0
    }

    /// The sums in a slot.
    @inline(__always)
    func sums(at entry: UnsafeMutableRawPointer) -> UnsafeMutablePointer<SIMD8<Int32>> {
        (entry + Self.keyBytes).assumingMemoryBound(to: SIMD8<Int32>.self)
    }

    /// Assigns the slot to this word.
    @inline(__always)
    func take(_ entry: UnsafeMutableRawPointer, for word: UnsafeRawPointer) {
        entry.storeBytes(of: word.loadUnaligned(as: SIMD4<UInt64>.self), as: SIMD4<UInt64>.self)
    }
}
