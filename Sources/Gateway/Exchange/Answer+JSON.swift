import HTTPServer
import NIOCore

extension ByteBuffer {
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
