/// Escapes and unescapes JSON strings.
package enum JSONEscaping {
    /// The maximum length of a JSON string for this many bytes, quotes included: each byte may become `\u00XX`.
    package static func maximumLength(of count: Int) -> Int { count * 6 + 2 }

    /// The index of the first quote, backslash or control character in `from..<to`, or `to`. Eight bytes at a time.
    @inline(__always)
    static func firstSpecial(in base: UnsafeRawPointer, from: Int, to: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        var index = from
        while index + 8 <= to {
            let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            // SWAR: a zero byte borrows from its own high bit. Borrows propagate only to bytes above the first such
            // byte, so the lowest mark is exact. `~word` clears the marks of bytes from 0x80.
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            let marks =
                ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | ((word &- ones &* 0x20) & ~word)
            let found = marks & highs
            if found != 0 { return index + found.trailingZeroBitCount >> 3 }
            index += 8
        }
        while index < to {
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            if byte == 0x22 || byte == 0x5C || byte < 0x20 { return index }
            index += 1
        }
        return to
    }

    /// Escapes the bytes as the content of a JSON string. Returns the bytes written, at most six for each byte read.
    package static func escape(_ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawPointer) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        var written = 0
        var index = 0
        while true {
            let special = firstSpecial(in: base, from: index, to: bytes.count)
            (target + written).copyMemory(from: base + index, byteCount: special - index)
            written += special - index
            guard special < bytes.count else { return written }
            var cursor = ByteCursor(target + written)
            putEscape(of: bytes[special], into: &cursor)
            written = cursor.position - target
            index = special + 1
        }
    }

    private static func putEscape(of byte: UInt8, into cursor: inout ByteCursor) {
        switch byte {
        case 0x22: cursor.put("\\\"")
        case 0x5C: cursor.put("\\\\")
        case 0x08: cursor.put("\\b")
        case 0x09: cursor.put("\\t")
        case 0x0A: cursor.put("\\n")
        case 0x0C: cursor.put("\\f")
        case 0x0D: cursor.put("\\r")
        default:
            cursor.put("\\u00")
            cursor.put(hexDigit(byte >> 4))
            cursor.put(hexDigit(byte & 15))
        }
    }

    static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }

    /// Unescapes the content of a JSON string whose escapes have been validated. Returns the bytes written, never more
    /// than were read.
    static func unescape(_ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawPointer) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        var written = 0
        var index = 0
        while true {
            let special = firstSpecial(in: base, from: index, to: bytes.count)
            (target + written).copyMemory(from: base + index, byteCount: special - index)
            written += special - index
            guard special + 1 < bytes.count else { return written }
            var scalar: UInt32
            (scalar, index) = unescapedScalar(base, at: special)
            if case 0xD800...0xDBFF = scalar {
                let low: UInt32
                (low, index) = unescapedScalar(base, at: index)
                scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
            }
            written += encode(scalar, into: target + written)
        }
    }

    /// The scalar or surrogate of the escape at `index`, and where the escape ends.
    private static func unescapedScalar(_ base: UnsafeRawPointer, at index: Int) -> (UInt32, Int) {
        let letter = base.load(fromByteOffset: index + 1, as: UInt8.self)
        switch letter {
        case UInt8(ascii: "b"): return (0x08, index + 2)
        case UInt8(ascii: "f"): return (0x0C, index + 2)
        case UInt8(ascii: "n"): return (0x0A, index + 2)
        case UInt8(ascii: "r"): return (0x0D, index + 2)
        case UInt8(ascii: "t"): return (0x09, index + 2)
        case UInt8(ascii: "u"): return (codeUnit(base + index + 2) ?? 0xFFFD, index + 6)
        default: return (UInt32(letter), index + 2)
        }
    }

    /// The value of four hexadecimal digits.
    static func codeUnit(_ digits: UnsafeRawPointer) -> UInt32? {
        var unit: UInt32 = 0
        for place in 0..<4 {
            let byte = digits.load(fromByteOffset: place, as: UInt8.self)
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): unit = unit << 4 | UInt32(byte - 48)
            case UInt8(ascii: "a")...UInt8(ascii: "f"): unit = unit << 4 | UInt32(byte - 87)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): unit = unit << 4 | UInt32(byte - 55)
            default: return nil
            }
        }
        return unit
    }

    /// Encodes the scalar as UTF-8 and returns its length in bytes.
    private static func encode(_ scalar: UInt32, into target: UnsafeMutableRawPointer) -> Int {
        func store(_ bits: UInt32, at place: Int) {
            target.storeBytes(of: UInt8(truncatingIfNeeded: bits), toByteOffset: place, as: UInt8.self)
        }
        switch scalar {
        case 0..<0x80:
            store(scalar, at: 0)
            return 1
        case 0x80..<0x800:
            store(0xC0 | scalar >> 6, at: 0)
            store(0x80 | scalar & 0x3F, at: 1)
            return 2
        case 0x800..<0x10000:
            store(0xE0 | scalar >> 12, at: 0)
            store(0x80 | scalar >> 6 & 0x3F, at: 1)
            store(0x80 | scalar & 0x3F, at: 2)
            return 3
        default:
            store(0xF0 | scalar >> 18, at: 0)
            store(0x80 | scalar >> 12 & 0x3F, at: 1)
            store(0x80 | scalar >> 6 & 0x3F, at: 2)
            store(0x80 | scalar & 0x3F, at: 3)
            return 4
        }
    }
}
