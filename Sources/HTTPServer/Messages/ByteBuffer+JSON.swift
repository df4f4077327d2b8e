import Messages
package import NIOCore

extension ByteBuffer {
    /// Appends a quoted JSON string.
    package mutating func writeJSON(string: String) {
        var string = string
        string.withUTF8 { writeJSON(utf8: UnsafeRawBufferPointer($0)) }
    }

    /// Appends these UTF-8 bytes as a quoted JSON string.
    package mutating func writeJSON(utf8 bytes: UnsafeRawBufferPointer) {
        writeInteger(UInt8(ascii: "\""))
        writeWithUnsafeMutableBytes(minimumWritableBytes: JSONEscaping.maximumLength(of: bytes.count)) { target in
            target.baseAddress.map { JSONEscaping.escape(bytes, into: $0) } ?? 0
        }
        writeInteger(UInt8(ascii: "\""))
    }

    /// Appends a decimal number.
    package mutating func writeDecimal(_ number: Int) {
        writeString(String(number))
    }
}
