/// Reads the words of a sentence, folded, without allocating.
///
/// A word is a run of letters, digits, marks and underscores. A run longer than `maximumLength` bytes (text without
/// spaces, as in Chinese or Thai) is cut between characters into words of at most that length, so nothing is lost.
/// Bytes that are not well-formed UTF-8 separate words.
package struct WordScanner {
    /// The most bytes in a word.
    package static let maximumLength = 60
    /// What the caller provides: room for a word and the zero bytes behind it, up to a multiple of 8.
    package static let bufferSize = 64

    private var next: UnsafePointer<UInt8>
    private let end: UnsafePointer<UInt8>
    private let ascii: UnsafePointer<UInt8>
    private let scalars: UnsafePointer<CharacterFolding.Entry>

    /// - Parameter bytes: The sentence; must outlive the scanner, and not be empty.
    @inline(__always)
    package init(start: UnsafePointer<UInt8>, count: Int, folding: CharacterFolding) {
        next = start
        end = start + count
        ascii = UnsafePointer(folding.ascii)
        scalars = UnsafePointer(folding.scalars)
    }

    /// Writes the next word to `word`, zeros behind it, and returns its length in bytes; 0 at the end of the sentence.
    @inline(__always)
    package mutating func nextWord(into word: UnsafeMutableRawPointer) -> Int {
        let zeros = SIMD16<UInt8>(repeating: 0)
        for block in 0..<4 { word.storeBytes(of: zeros, toByteOffset: 16 * block, as: SIMD16<UInt8>.self) }
        let letters = word.assumingMemoryBound(to: UInt8.self)
        var length = 0
        while next < end {
            let folded = ascii[Int(next.pointee)]
            if folded == 0 {
                next += 1
                if length > 0 { break }
            } else if folded != 0xFF {
                if length == Self.maximumLength { break }
                letters[length] = folded
                length &+= 1
                next += 1
            } else if appendLongCharacter(to: letters, &length) {
                break
            }
        }
        return length
    }

    /// Reads a character of several bytes; true when the word has come to its end.
    @inline(never)
    private mutating func appendLongCharacter(to letters: UnsafeMutablePointer<UInt8>, _ length: inout Int) -> Bool {
        let (scalar, size) = decode()
        guard size > 0 else {
            next += 1
            return length > 0
        }
        let entry: CharacterFolding.Entry
        if scalar < CharacterFolding.tableSize {
            entry = scalars[Int(scalar)]
        } else if let known = CharacterFolding.entryAbove(scalar) {
            entry = known
        } else {
            if length + size > Self.maximumLength { return true }
            for place in 0..<size { letters[length + place] = next[place] }
            length += size
            next += size
            return false
        }
        if entry == CharacterFolding.separator {
            next += size
            return length > 0
        }
        let count = Int(entry >> 24)
        if length + count > Self.maximumLength { return true }
        for place in 0..<count { letters[length + place] = UInt8(truncatingIfNeeded: entry >> UInt32(8 * place)) }
        length += count
        next += size
        return false
    }

    /// The scalar at `next` and its number of bytes; 0 bytes when they are not well-formed UTF-8.
    private func decode() -> (scalar: UInt32, size: Int) {
        let first = UInt32(next.pointee)
        let size: Int
        var scalar: UInt32
        switch first {
        case 0xC2...0xDF: (size, scalar) = (2, first & 0x1F)
        case 0xE0...0xEF: (size, scalar) = (3, first & 0x0F)
        case 0xF0...0xF4: (size, scalar) = (4, first & 0x07)
        default: return (0, 0)
        }
        guard end - next >= size else { return (0, 0) }
        for place in 1..<size {
            let byte = UInt32(next[place])
            guard byte & 0xC0 == 0x80 else { return (0, 0) }
            scalar = scalar << 6 | byte & 0x3F
        }
        let smallest: UInt32 = size == 2 ? 0x80 : size == 3 ? 0x800 : 0x10000
        guard scalar >= smallest, scalar <= 0x10FFFF, !(0xD800...0xDFFF).contains(scalar) else { return (0, 0) }
        return (scalar, size)
    }
}
