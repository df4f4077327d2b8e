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
        // About the size of a second-level cache while rows are short, and enough places when they are long.
        var places = 8192
        while places > 1024 && places * entryBytes > 1 << 19 { places /= 2 }
        mask = places - 1
        memory = .allocate(byteCount: places * entryBytes, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: places * entryBytes)
    }

    func deallocate() { memory.deallocate() }

    /// The place of a word, and whether it holds the word's sums already. If not, the key is written and the sums are
    /// zero: the caller adds them.
    /// - Parameter word: At most `longestWord` bytes, zeros behind them up to that length.
    @inline(__always)
    func sums(of word: UnsafeRawPointer, hash: UInt64) -> (sums: UnsafeMutablePointer<SIMD8<Int32>>, known: Bool) {
        let entry = memory + (Int(truncatingIfNeeded: hash) & mask) &* entryBytes
        let sums = (entry + Self.keyBytes).assumingMemoryBound(to: SIMD8<Int32>.self)
        let key = word.loadUnaligned(as: SIMD4<UInt64>.self)
        let known = entry.load(as: SIMD4<UInt64>.self)
        if (key ^ known) == SIMD4(repeating: 0) { return (sums, true) }
        entry.storeBytes(of: key, as: SIMD4<UInt64>.self)
        for chunk in 0..<(entryBytes - Self.keyBytes) / MemoryLayout<SIMD8<Int32>>.size {
            sums[chunk] = SIMD8(repeating: 0)
        }
        return (sums, false)
    }
}
