extension UnsafeRawBufferPointer {
    /// Whether these are the bytes of the literal.
    package func equals(_ literal: StaticString) -> Bool {
        count == literal.utf8CodeUnitCount && startsUnchecked(with: literal)
    }

    /// Whether these are the bytes of the literal, ignoring ASCII case.
    package func equalsIgnoringCase(_ literal: StaticString) -> Bool {
        guard count == literal.utf8CodeUnitCount else { return false }
        let expected = literal.utf8Start
        for index in 0..<count where self[index].asciiLowercased != expected[index].asciiLowercased { return false }
        return true
    }

    /// Whether the bytes start with the literal, ignoring ASCII case.
    package func startsIgnoringCase(with literal: StaticString) -> Bool {
        let length = literal.utf8CodeUnitCount
        return count >= length && slice(0..<length).equalsIgnoringCase(literal)
    }

    /// Whether both contain the same bytes.
    package func equals(_ other: UnsafeRawBufferPointer) -> Bool {
        count == other.count && elementsEqual(other)
    }

    /// Whether the bytes start with the literal; there must be at least as many.
    private func startsUnchecked(with literal: StaticString) -> Bool {
        let expected = literal.utf8Start
        for index in 0..<literal.utf8CodeUnitCount where self[index] != expected[index] { return false }
        return true
    }

    /// A part of the bytes, with indices from 0.
    func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: self[range]) }

    /// The bytes parsed as a decimal number with an optional minus sign.
    package var decimalInteger: Int64? {
        guard !isEmpty, count <= 20 else { return nil }
        let negative = self[0] == UInt8(ascii: "-")
        guard count > (negative ? 1 : 0) else { return nil }
        var value: Int64 = 0
        for byte in self[(negative ? 1 : 0)...] {
            guard byte.isASCIIDigit else { return nil }
            let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
            let digit = Int64(byte & 15)
            let (sum, overflow) = product.addingReportingOverflow(negative ? -digit : digit)
            if tooLarge || overflow { return nil }
            value = sum
        }
        return value
    }

    /// The bytes decoded as UTF-8; invalid sequences become U+FFFD.
    package var text: String { String(decoding: self, as: UTF8.self) }
}

extension UInt8 {
    var asciiLowercased: UInt8 { self &- 65 < 26 ? self | 0x20 : self }

    var isASCIIDigit: Bool { self &- 48 < 10 }
}

extension StaticString {
    /// The literal's bytes, valid for the lifetime of the program.
    package var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
    }
}
