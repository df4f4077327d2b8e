/// The sums of words seen lately, so that a common word costs one look instead of one for each of its n-grams.
///
/// What a word contributes depends on the word alone, and the sums are of integers, so a remembered word gives
/// exactly what an unknown one gives. Each word has one place; the latest to need it has it. Whole words are compared,
/// so no two words can be taken for each other.
struct WordMemory {
    /// Longer words are not remembered.
    static let longestWord = 32
    private static let keyBytes = 32

    private let memory: UnsafeMutableRawPointer
    private let mask: Int
    private let entryBytes: Int

    /// - Parameter chunks: Eights of lanes in a row of sums.
    init(chunks: Int) {
        entryBytes = Self.keyBytes + chunks * MemoryLayout<SIMD8<Int32>>.size
        // A megabyte while rows are short, which holds the words of everyday language, and enough places for long rows.
        var places = 16_384
        while places > 4096 && places * entryBytes > 1 << 20 { places /= 2 }
        mask = places - 1
        memory = .allocate(byteCount: places * entryBytes, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: places * entryBytes)
    }

    func deallocate() { memory.deallocate() }

    /// The place of a word.
    @inline(__always)
    func entry(of hash: UInt64) -> UnsafeMutableRawPointer {
        memory + (Int(truncatingIfNeeded: hash) & mask) &* entryBytes
    }

    /// Whether the place holds this word's sums.
    /// - Parameter word: At most `longestWord` bytes, zeros behind them up to that length.
    @inline(__always)
    func holds(_ entry: UnsafeRawPointer, _ word: UnsafeRawPointer) -> Bool {
        let difference =
            entry.load(as: SIMD4<UInt64>.self) ^ word.loadUnaligned(as: SIMD4<UInt64>.self)
        return difference[0] | difference[1] | difference[2] | difference[3] == 0
    }

    /// The sums at a place.
    @inline(__always)
    func sums(at entry: UnsafeMutableRawPointer) -> UnsafeMutablePointer<SIMD8<Int32>> {
        (entry + Self.keyBytes).assumingMemoryBound(to: SIMD8<Int32>.self)
    }

    /// Gives the place to this word.
    @inline(__always)
    func take(_ entry: UnsafeMutableRawPointer, for word: UnsafeRawPointer) {
        entry.storeBytes(of: word.loadUnaligned(as: SIMD4<UInt64>.self), as: SIMD4<UInt64>.self)
    }
}
