/// UTF-8 validation by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
package enum UTF8Validation {
    /// Whether all bytes are well-formed UTF-8. Runs of ASCII are checked eight bytes at a time.
    package static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        let end = bytes.count
        var index = 0
        while index < end {
            if index + 8 <= end {
                let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                let high = word & 0x8080_8080_8080_8080
                if high == 0 {
                    index += 8
                    continue
                }
                index += high.trailingZeroBitCount >> 3
            } else if base.load(fromByteOffset: index, as: UInt8.self) < 0x80 {
                index += 1
                continue
            }
            let length = sequenceLength(base + index, available: end - index)
            if length == 0 { return false }
            index += length
        }
        return true
    }

    /// The length of the well-formed sequence of two to four bytes at `start`; 0 if there is none.
    private static func sequenceLength(_ start: UnsafeRawPointer, available: Int) -> Int {
        let lead = start.load(as: UInt8.self)
        guard available >= 2 else { return 0 }
        let second = start.load(fromByteOffset: 1, as: UInt8.self)
        switch lead {
        case 0xC2...0xDF:
            return isContinuation(second) ? 2 : 0
        case 0xE0...0xEF:
            guard available >= 3, isContinuation(second), isContinuation(start.load(fromByteOffset: 2, as: UInt8.self))
            else { return 0 }
            if lead == 0xE0, second < 0xA0 { return 0 }
            if lead == 0xED, second > 0x9F { return 0 }
            return 3
        case 0xF0...0xF4:
            guard available >= 4, isContinuation(second), isContinuation(start.load(fromByteOffset: 2, as: UInt8.self)),
                isContinuation(start.load(fromByteOffset: 3, as: UInt8.self))
            else { return 0 }
            if lead == 0xF0, second < 0x90 { return 0 }
            if lead == 0xF4, second > 0x8F { return 0 }
            return 4
        default:
            return 0
        }
    }

    private static func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }
}

/// Unicode white space in UTF-8.
package enum WhiteSpace {
    /// Whether well-formed UTF-8 consists only of white space (Unicode's property White_Space).
    package static func isAll(of bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index < bytes.count {
            let length = length(in: bytes, at: index)
            if length == 0 { return false }
            index += length
        }
        return true
    }

    /// The length of the white space character at `index`; 0 if it is another character.
    private static func length(in bytes: UnsafeRawBufferPointer, at index: Int) -> Int {
        switch bytes[index] {
        case 0x09...0x0D, 0x20:
            return 1
        case 0xC2:
            // U+0085 next line, U+00A0 no-break space
            return bytes[index + 1] == 0x85 || bytes[index + 1] == 0xA0 ? 2 : 0
        case 0xE1:
            // U+1680 ogham space mark
            return bytes[index + 1] == 0x9A && bytes[index + 2] == 0x80 ? 3 : 0
        case 0xE2:
            switch (bytes[index + 1], bytes[index + 2]) {
            // U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F
            case (0x80, 0x80...0x8A), (0x80, 0xA8), (0x80, 0xA9), (0x80, 0xAF), (0x81, 0x9F): return 3
            default: return 0
            }
        case 0xE3:
            // U+3000 ideographic space
            return bytes[index + 1] == 0x80 && bytes[index + 2] == 0x80 ? 3 : 0
        default:
            return 0
        }
    }
}
