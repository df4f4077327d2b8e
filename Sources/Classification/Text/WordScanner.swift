/// Tokenizes a sentence into folded words without allocating.
///
/// A word is a run of letters, digits, marks and underscores. A run longer than `maximumLength` bytes (text without
/// spaces, as in Chinese or Thai) is split between characters into words of at most that length, so nothing is lost.
/// Invalid UTF-8 separates words.
package struct WordScanner {
    /// The maximum length of a word in bytes.
    package static let maximumLength = 60
    /// The size of the caller's buffer: a word, zero-padded.
    package static let bufferSize = 64

    private var next: UnsafePointer<UInt8>
    private let end: UnsafePointer<UInt8>
    private let ascii: UnsafePointer<UInt8>
    private let scalars: UnsafePointer<CharacterFolding.Entry>

    /// - Parameter start: The sentence; must outlive the scanner, and not be empty.
    @inline(__always)
    package init(start: UnsafePointer<UInt8>, count: Int, folding: CharacterFolding) {
        next = start
        end = start + count
        ascii = UnsafePointer(folding.ascii)
        scalars = UnsafePointer(folding.scalars)
    }

    /// The length of a word that `nextWord` wrote: words contain no zero bytes.
    static func length(of word: UnsafeRawPointer) -> Int {
        var length = 0
        while length < maximumLength && word.load(fromByteOffset: length, as: UInt8.self) != 0 { length += 1 }
        return length
    }

    /// Writes the next word to `word`, zero-padded, and returns its length in bytes; 0 at the end of the sentence.
    @inline(__always)
    package mutating func nextWord(into word: UnsafeMutableRawPointer) -> Int {
        let zeros = SIMD16<UInt8>(repeating: 0)
        for block in 0..<4 { word.storeBytes(of: zeros, toByteOffset: 16 &* block, as: SIMD16<UInt8>.self) }
        let letters = word.assumingMemoryBound(to: UInt8.self)
        // Local, so that they stay in registers.
        var place = next
        var length = 0
        scan: while place < end {
            let folded = ascii[Int(place.pointee)]
            if folded == 0 {
                place += 1
                if length > 0 { break scan }
            } else if folded != 0xFF {
                if length == Self.maximumLength { break scan }
                letters[length] = folded
                length &+= 1
                place += 1
            } else {
                let character = longCharacter(at: place)
                switch character.kind {
                case .letter:
                    if length &+ character.count > Self.maximumLength { break scan }
                    for byte in 0..<character.count {
                        letters[length] = UInt8(truncatingIfNeeded: character.bytes &>> UInt32(8 &* byte))
                        length &+= 1
                    }
                    place += character.size
                case .separator:
                    place += character.size
                    if length > 0 { break scan }
                }
            }
        }
        next = place
        return length
    }

    private enum Kind { case letter, separator }

    /// A multi-byte character: its size in the sentence, and the `count` low bytes that it folds to.
    private struct LongCharacter {
        var kind: Kind
        var size: Int
        var count = 0
        var bytes: UInt32 = 0
    }

    @inline(never)
    private func longCharacter(at place: UnsafePointer<UInt8>) -> LongCharacter {
        let (scalar, size) = Self.decode(place, end)
        guard size > 0 else { return LongCharacter(kind: .separator, size: 1) }
        let entry: CharacterFolding.Entry
        if scalar < CharacterFolding.tableSize {
            entry = scalars[Int(scalar)]
        } else if let known = CharacterFolding.entryAbove(scalar) {
            entry = known
        } else {
            var bytes: UInt32 = 0
            for byte in 0..<size { bytes |= UInt32(place[byte]) &<< UInt32(8 &* byte) }
            return LongCharacter(kind: .letter, size: size, count: size, bytes: bytes)
        }
        if entry == CharacterFolding.separator { return LongCharacter(kind: .separator, size: size) }
        return LongCharacter(kind: .letter, size: size, count: Int(entry &>> 24), bytes: entry)
    }

    /// Decodes the scalar at `place` and its size; size 0 for invalid UTF-8.
    private static func decode(_ place: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> (
        scalar: UInt32, size: Int
    ) {
        let first = UInt32(place.pointee)
        let size: Int
        var scalar: UInt32
        switch first {
        case 0xC2...0xDF: (size, scalar) = (2, first & 0x1F)
        case 0xE0...0xEF: (size, scalar) = (3, first & 0x0F)
        case 0xF0...0xF4: (size, scalar) = (4, first & 0x07)
        default: return (0, 0)
        }
        guard end - place >= size else { return (0, 0) }
        for offset in 1..<size {
            let byte = UInt32(place[offset])
            guard byte & 0xC0 == 0x80 else { return (0, 0) }
            scalar = scalar << 6 | byte & 0x3F
        }
        let smallest: UInt32 = size == 2 ? 0x80 : size == 3 ? 0x800 : 0x10000
        guard scalar >= smallest, scalar <= 0x10FFFF, !(0xD800...0xDFFF).contains(scalar) else { return (0, 0) }
        return (scalar, size)
    }
}
