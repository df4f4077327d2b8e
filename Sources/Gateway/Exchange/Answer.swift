import HTTPServer
package import NIOCore

/// What a worker said of one sentence, kept as the bytes that it sent.
package struct Answer: Sendable {
    /// The reply's value after its id: `"label":"…","probabilities":{…},"model":"NAME@VERSION"}`.
    package let bytes: ByteBuffer
    /// The label as a JSON string: a part of `bytes`.
    package let labelBytes: ByteBuffer
    /// The JSON object from class to probability: a part of `bytes`.
    package let probabilityBytes: ByteBuffer
    /// What the worker said of the time it took, ready for `Server-Timing`; nil when it said nothing.
    package let timing: String?

    /// Keeps a copy of what the worker sent.
    ///
    /// - Parameters:
    ///   - label: the class's name, as UTF-8.
    ///   - probabilities: a JSON object.
    ///   - model: `NAME@VERSION`.
    package init(
        label: UnsafeRawBufferPointer, probabilities: UnsafeRawBufferPointer, model: String, timing: String?
    ) {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(label.count + probabilities.count + model.utf8.count + 48)
        buffer.writeStaticString("\"label\":")
        let labelStart = buffer.writerIndex
        buffer.writeJSON(utf8: label)
        let labelEnd = buffer.writerIndex
        buffer.writeStaticString(",\"probabilities\":")
        let probabilitiesStart = buffer.writerIndex
        buffer.writeBytes(probabilities)
        let probabilitiesEnd = buffer.writerIndex
        buffer.writeStaticString(",\"model\":")
        buffer.writeJSON(string: model)
        buffer.writeStaticString("}")
        self.bytes = buffer
        self.labelBytes = buffer.slice(from: labelStart, to: labelEnd)
        self.probabilityBytes = buffer.slice(from: probabilitiesStart, to: probabilitiesEnd)
        self.timing = timing
    }
}

/// How one sentence ended.
package typealias Outcome = Result<Answer, GatewayError>

/// Where an answer came from.
package enum AnswerSource: String, Sendable {
    /// From the cache.
    case hit
    /// From a worker, for this request.
    case miss
    /// From a worker, for a request with the same sentence that was under way already.
    case coalesced
}

/// How all the sentences of one call ended, in the order in which they were given.
package struct CallResult: Sendable {
    package var outcomes: [Outcome]
    package var sources: [AnswerSource]

    /// What the worker said of the time that the last of the answers took; nil when all came from the cache.
    var workerTiming: String? {
        for (outcome, source) in zip(outcomes, sources).reversed() where source != .hit {
            if case .success(let answer) = outcome, let timing = answer.timing { return timing }
        }
        return nil
    }
}

extension ByteBuffer {
    /// Shares a part that is known to have been written.
    fileprivate func slice(from start: Int, to end: Int) -> ByteBuffer {
        getSlice(at: start, length: end - start) ?? ByteBuffer()
    }
}

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

/// The value of `Server-Timing`: what the worker said of the time it took, and the whole time here.
enum ServerTiming {
    static func value(worker: String?, total nanoseconds: UInt64) -> String {
        let total = "total;dur=\(milliseconds(nanoseconds))"
        guard let worker else { return total }
        return "\(worker), \(total)"
    }

    /// Milliseconds with three decimals. Formatting a `Double` would take longer than all the rest of the header.
    static func milliseconds(_ nanoseconds: UInt64) -> String {
        let microseconds = nanoseconds / 1_000
        let rest = microseconds % 1_000
        return "\(microseconds / 1_000).\(rest < 100 ? (rest < 10 ? "00" : "0") : "")\(rest)"
    }

    /// The worker's own words, when they are harmless in a header: metrics of the form `queue;dur=1.25`.
    static func worker(_ bytes: UnsafeRawBufferPointer) -> String? {
        let isHarmless = bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: ";"), UInt8(ascii: "="), UInt8(ascii: "."), UInt8(ascii: ","), UInt8(ascii: " "): true
            default: false
            }
        }
        guard !bytes.isEmpty, bytes.count <= 96, isHarmless else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
