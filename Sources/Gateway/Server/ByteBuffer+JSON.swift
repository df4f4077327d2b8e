import NIOCore

extension ByteBuffer {
    private static let hexadecimalDigits = Array("0123456789abcdef".utf8)

    /// Appends a JSON string with its quotes.
    mutating func writeJSON(string: String) {
        var string = string
        string.withUTF8 { writeJSON(utf8: UnsafeRawBufferPointer($0)) }
    }

    /// Appends these UTF-8 bytes as a JSON string with its quotes.
    mutating func writeJSON(utf8 bytes: UnsafeRawBufferPointer) {
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
    mutating func writeDecimal(_ number: Int) {
        writeString(String(number))
    }

    /// Appends an answer's label as a JSON string.
    mutating func writeLabel(of answer: Answer) {
        writeImmutableBuffer(answer.labelBytes)
    }

    /// Appends an answer's object from class to probability.
    mutating func writeProbabilities(of answer: Answer) {
        writeImmutableBuffer(answer.probabilityBytes)
    }

    /// Appends a whole result: the reply's value, or the error in its place.
    mutating func writeResult(id: String, _ outcome: Outcome) {
        writeStaticString("{\"id\":")
        writeJSON(string: id)
        switch outcome {
        case .success(let answer):
            writeInteger(UInt8(ascii: ","))
            writeImmutableBuffer(answer.bytes)
        case .failure(let error):
            writeStaticString(",\"error\":{\"code\":\"")
            writeString(error.code.rawValue)
            writeStaticString("\",\"message\":")
            writeJSON(string: error.detail)
            writeStaticString("}}")
        }
    }
}
