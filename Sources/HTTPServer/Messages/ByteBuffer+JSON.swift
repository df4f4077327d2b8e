package import NIOCore

extension ByteBuffer {
    private static let hexadecimalDigits = Array("0123456789abcdef".utf8)

    /// Appends a JSON string with its quotes.
    package mutating func writeJSON(string: String) {
        var string = string
        string.withUTF8 { writeJSON(utf8: UnsafeRawBufferPointer($0)) }
    }

    /// Appends these UTF-8 bytes as a JSON string with its quotes.
    package mutating func writeJSON(utf8 bytes: UnsafeRawBufferPointer) {
        writeInteger(UInt8(ascii: "\""))
        var clean = 0
        for index in bytes.indices {
            let byte = bytes[index]
            guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
            writeBytes(UnsafeRawBufferPointer(rebasing: bytes[clean..<index]))
            clean = index + 1
            switch byte {
            case UInt8(ascii: "\""): writeStaticString("\\\"")
            case UInt8(ascii: "\\"): writeStaticString("\\\\")
            case UInt8(ascii: "\n"): writeStaticString("\\n")
            case UInt8(ascii: "\r"): writeStaticString("\\r")
            case UInt8(ascii: "\t"): writeStaticString("\\t")
            default:
                writeStaticString("\\u00")
                writeInteger(Self.hexadecimalDigits[Int(byte >> 4)])
                writeInteger(Self.hexadecimalDigits[Int(byte & 15)])
            }
        }
        writeBytes(UnsafeRawBufferPointer(rebasing: bytes[clean...]))
        writeInteger(UInt8(ascii: "\""))
    }

    /// Appends a number in decimal.
    package mutating func writeDecimal(_ number: Int) {
        writeString(String(number))
    }
}
