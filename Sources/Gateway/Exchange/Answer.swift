import HTTPServer
package import NIOCore

/// A worker's answer to one sentence, kept as the bytes that the worker sent.
package struct Answer: Sendable {
    /// The rest of the reply's JSON after its id: `"label":"…","probabilities":{…},"model":"NAME@VERSION"}`.
    package let bytes: ByteBuffer
    /// The label as a JSON string, a slice of `bytes`.
    package let labelBytes: ByteBuffer
    /// The JSON object from class to probability, a slice of `bytes`.
    package let probabilityBytes: ByteBuffer
    /// The worker's own timing for `Server-Timing`; nil if it sent none.
    package let timing: String?

    /// Copies a worker's reply.
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

/// The outcome for one sentence.
package typealias Outcome = Result<Answer, GatewayError>

/// Where an answer came from.
package enum AnswerSource: String, Sendable {
    /// From the cache.
    case hit
    /// From a worker, for this request.
    case miss
    /// From a worker, for an earlier request with the same sentence that was still in flight.
    case coalesced
}

/// The outcomes of all sentences of one call, in request order.
package struct CallResult: Sendable {
    package var outcomes: [Outcome]
    package var sources: [AnswerSource]

    /// The worker timing of the last answer that did not come from the cache; nil if all of them did.
    var workerTiming: String? {
        for (outcome, source) in zip(outcomes, sources).reversed() where source != .hit {
            if case .success(let answer) = outcome, let timing = answer.timing { return timing }
        }
        return nil
    }
}

extension ByteBuffer {
    /// A slice of a range that is known to be written.
    fileprivate func slice(from start: Int, to end: Int) -> ByteBuffer {
        getSlice(at: start, length: end - start) ?? ByteBuffer()
    }
}

extension ByteBuffer {
    /// Appends an answer's label as a JSON string.
    mutating func writeLabel(of answer: Answer) {
        writeImmutableBuffer(answer.labelBytes)
    }

    /// Appends an answer's JSON object from class to probability.
    mutating func writeProbabilities(of answer: Answer) {
        writeImmutableBuffer(answer.probabilityBytes)
    }

    /// Appends a complete result object: the answer or the error.
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

/// The value of `Server-Timing`: the worker's own timing and the gateway's total.
enum ServerTiming {
    static func value(worker: String?, total nanoseconds: UInt64) -> String {
        let total = "total;dur=\(milliseconds(nanoseconds))"
        guard let worker else { return total }
        return "\(worker), \(total)"
    }

    /// Milliseconds with three decimals. Formatting a `Double` would cost more than the rest of the header.
    static func milliseconds(_ nanoseconds: UInt64) -> String {
        let microseconds = nanoseconds / 1_000
        let rest = microseconds % 1_000
        return "\(microseconds / 1_000).\(rest < 100 ? (rest < 10 ? "00" : "0") : "")\(rest)"
    }

    /// The worker's timing, if it is safe in a header: metrics of the form `queue;dur=1.25`.
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
