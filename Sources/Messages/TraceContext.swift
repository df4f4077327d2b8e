/// W3C Trace Context.
package enum TraceContext {
    /// Whether the bytes are a `traceparent` of version 00 or later with a nonzero trace id and parent id.
    package static func isValid(traceparent value: UnsafeRawBufferPointer) -> Bool {
        guard value.count >= 55, value[2] == UInt8(ascii: "-"), value[35] == UInt8(ascii: "-"),
            value[52] == UInt8(ascii: "-"), isHex(value, 0..<2), isHex(value, 3..<35), isHex(value, 36..<52),
            isHex(value, 53..<55), !isZero(value, 3..<35), !isZero(value, 36..<52)
        else { return false }
        let version = value.slice(0..<2)
        if version.equals("ff") { return false }
        if version.equals("00") { return value.count == 55 }
        return value.count == 55 || value[55] == UInt8(ascii: "-")
    }

    /// Upper case is not allowed.
    private static func isHex(_ value: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        value[range].allSatisfy { $0.isASCIIDigit || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0 }
    }

    private static func isZero(_ value: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        value[range].allSatisfy { $0 == UInt8(ascii: "0") }
    }
}
