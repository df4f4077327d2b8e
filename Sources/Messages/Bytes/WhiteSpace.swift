/// Unicode's white space in UTF-8 bytes.
package enum WhiteSpace {
    /// Whether well-formed UTF-8 has no character other than white space (Unicode's property White_Space).
    package static func isAll(of bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index < bytes.count {
            let length = length(in: bytes, at: index)
            if length == 0 { return false }
            index += length
        }
        return true
    }

    /// How many bytes the white space character at `index` has; 0 if what stands there is something else.
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
