/// Whether bytes are UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
public enum UTF8Validation {
    /// Whether all of the bytes are well-formed UTF-8. Runs of ASCII are passed eight bytes at a time.
    public static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
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

    /// How many bytes the well-formed sequence of two to four bytes at `start` has; 0 if there is none.
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
