/// 64-bit hashes that identify features.
///
/// Three kinds share one table: words, pairs of adjacent words, and n-grams of 2 to 5 characters within a word that is
/// padded with a space on each side. Training and classification use the same functions, on any machine.
package enum FeatureHash {
    /// The hash of the sentence boundary, before the first word and after the last.
    package static let sentenceEdge: UInt64 = 0x51_7C_C1_B7_27_22_0A_95

    private static let first: UInt64 = 0x9E37_79B9_7F4A_7C15
    private static let second: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let third: UInt64 = 0x1656_67B1_9E37_79F9
    private static let byteFactor: UInt64 = 0x0000_0100_0000_01B3

    /// Folds both halves of the 128-bit product: every input bit affects every output bit.
    @inline(__always)
    package static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    /// The hash of a word, eight bytes at a time.
    /// - Parameter word: The folded bytes, zero-padded to a multiple of 8.
    @inline(__always)
    package static func word(_ word: UnsafeRawPointer, length: Int) -> UInt64 {
        var hash = first ^ UInt64(truncatingIfNeeded: length)
        var place = 0
        while place < length {
            hash = mix(hash ^ UInt64(littleEndian: word.load(fromByteOffset: place, as: UInt64.self)), second)
            place += 8
        }
        return mix(hash, third)
    }

    /// The hash of an ordered pair of words, from their hashes.
    @inline(__always)
    package static func pair(_ left: UInt64, _ right: UInt64) -> UInt64 {
        mix(left &+ second, right ^ third)
    }

    /// Calls `body` with the hash of every n-gram of the word, ordered by start and then length.
    ///
    /// A rolling hash: each n-gram extends the next shorter one with the same start by one character.
    @inline(__always)
    package static func forEachNgram(
        in word: UnsafeRawPointer, length: Int, lengths: ClosedRange<Int> = ngramLengths, _ body: (UInt64) -> Void
    ) {
        // Positions -1 and `length` are the spaces around the word.
        let letters = word.assumingMemoryBound(to: UInt8.self)
        var start = -1
        while start < length {
            var hash = first
            var characters = 0
            var place = start
            repeat {
                hash = roll(hash, place < 0 || place >= length ? 0x20 : letters[place])
                place += 1
                // A character ends before the next byte that is not a continuation byte.
                if place < length && letters[place] & 0xC0 == 0x80 { continue }
                characters += 1
                if characters >= lengths.lowerBound { body(mix(hash, second)) }
            } while characters < lengths.upperBound && place <= length
            start += 1
            while start < length && start >= 0 && letters[start] & 0xC0 == 0x80 { start += 1 }
        }
    }

    /// The lengths of n-grams, in characters.
    package static let ngramLengths = 2...5

    /// Adds one byte to the hash of an n-gram (the step of FNV-1a).
    @inline(__always)
    package static func roll(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        (hash ^ UInt64(byte)) &* byteFactor
    }

    /// The hash of one n-gram from its bytes: the reference that tests compare `forEachNgram` with.
    package static func ngram(_ bytes: some Sequence<UInt8>) -> UInt64 {
        mix(bytes.reduce(first, roll), second)
    }
}
