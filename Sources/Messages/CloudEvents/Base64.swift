/// Base64 (RFC 4648 §4), the JSON encoding of a CloudEvent's binary data.
package enum Base64 {
    /// Decodes the text into the scratch arena; nil if it is not Base64. Padding is optional; white space is not
    /// allowed.
    package static func decode(_ text: UnsafeRawBufferPointer, into scratch: ScratchArena) -> UnsafeRawBufferPointer? {
        var digits = text[...]
        while digits.count > text.count - 2, digits.last == UInt8(ascii: "=") { digits.removeLast() }
        if digits.count < text.count, text.count % 4 != 0 { return nil }
        guard digits.count % 4 != 1 else { return nil }
        let count = digits.count * 6 / 8
        let target = scratch.allocate(count)
        var bits: UInt32 = 0
        var bitCount = 0
        var written = 0
        for byte in digits {
            guard let digit = value(of: byte) else { return nil }
            bits = bits << 6 | digit
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                target.storeBytes(
                    of: UInt8(truncatingIfNeeded: bits >> bitCount), toByteOffset: written, as: UInt8.self)
                written += 1
            }
        }
        return UnsafeRawBufferPointer(start: target, count: written)
    }

    private static func value(of byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - 65)
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - 71)
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte + 4)
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
