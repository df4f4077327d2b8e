import Platform

/// Percent-encoding, with `+` for a space in queries.
package enum FormEncoding {
    /// The decoded bytes; nil if a `%` is not followed by two hexadecimal digits.
    package static func decode(_ encoded: some Sequence<UInt8>, plusIsSpace: Bool = true) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(encoded.underestimatedCount)
        var iterator = encoded.makeIterator()
        while let byte = iterator.next() {
            switch byte {
            case UInt8(ascii: "+") where plusIsSpace:
                bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = iterator.next(), let low = iterator.next(),
                    let high = Hexadecimal.value(high), let low = Hexadecimal.value(low)
                else { return nil }
                bytes.append(high << 4 | low)
            default:
                bytes.append(byte)
            }
        }
        return bytes
    }
}
