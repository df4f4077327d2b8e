/// Converts decimal numbers to floating point.
package enum DecimalNumber {
    /// Powers of ten that a double holds exactly.
    private static let powers: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ]

    /// The double nearest to a number in JSON's grammar.
    ///
    /// Numbers with up to 15 digits and no exponent (all that Triage itself writes) need one exact division; others
    /// take the slow path through the standard library, which needs a String.
    package static func double(of number: UnsafeRawBufferPointer) -> Double {
        let isNegative = number.first == UInt8(ascii: "-")
        var mantissa: UInt64 = 0
        var digits = 0
        var fractionStart: Int?
        for index in (isNegative ? 1 : 0)..<number.count {
            let byte = number[index]
            if byte.isASCIIDigit {
                digits += 1
                mantissa = mantissa &* 10 &+ UInt64(byte & 15)
            } else if byte == UInt8(ascii: ".") {
                fractionStart = digits
            } else {
                return slowly(number)
            }
        }
        guard digits <= 15 else { return slowly(number) }
        let magnitude = Double(mantissa) / powers[digits - (fractionStart ?? digits)]
        return isNegative ? -magnitude : magnitude
    }

    private static func slowly(_ number: UnsafeRawBufferPointer) -> Double {
        // The grammar was checked, and the standard library accepts all of it.
        Double(number.text) ?? .nan
    }
}
