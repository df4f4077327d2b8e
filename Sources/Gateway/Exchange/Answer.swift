import HTTPServer
package import Messages
package import NIOCore

/// A worker's answer to one sentence, kept as the bytes that a response needs.
package struct Answer: Sendable {
    /// The rest of a result's JSON after its id: `"label":"…","confidence":…,"probabilities":{…},"model":"NAME@VERSION"}`.
    /// An unsure one has `"best":"…"` after the label, one of a model with an encoder `"stage":"…"` at the end.
    package let bytes: ByteBuffer
    /// The places of these parts in `bytes`: the label as a JSON string, the confidence as a number, and the JSON object
    /// from class to probability.
    private let label, confidence, probabilities: Range<Int>
    /// The worker's own timing for `Server-Timing`; nil if it sent none.
    package let timing: String?

    /// Copies a worker's reply.
    ///
    /// - Parameters:
    ///   - label: the class's name, as UTF-8.
    ///   - best: the likeliest class, if the label says that the reply is unsure.
    ///   - confidence: the likeliest class's probability, a number in JSON.
    ///   - probabilities: a JSON object.
    ///   - model: `NAME@VERSION`.
    ///   - stage: which stage of the model answered; nil if it has but one.
    package init(
        label: UnsafeRawBufferPointer, best: UnsafeRawBufferPointer? = nil, confidence: UnsafeRawBufferPointer,
        probabilities: UnsafeRawBufferPointer, model: String, stage: Stage? = nil, timing: String?
    ) {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(label.count + (best?.count ?? 0) + probabilities.count + model.utf8.count + 96)
        func written(_ part: () -> Void) -> Range<Int> {
            let start = buffer.writerIndex
            part()
            return start..<buffer.writerIndex
        }
        buffer.writeStaticString("\"label\":")
        self.label = written { buffer.writeJSON(utf8: label) }
        if let best {
            buffer.writeStaticString(",\"best\":")
            buffer.writeJSON(utf8: best)
        }
        buffer.writeStaticString(",\"confidence\":")
        self.confidence = written { buffer.writeBytes(confidence) }
        buffer.writeStaticString(",\"probabilities\":")
        self.probabilities = written { buffer.writeBytes(probabilities) }
        buffer.writeStaticString(",\"model\":")
        buffer.writeJSON(string: model)
        if let stage {
            buffer.writeStaticString(",\"stage\":\"")
            buffer.writeStaticString(stage.name)
            buffer.writeStaticString("\"")
        }
        buffer.writeStaticString("}")
        self.bytes = buffer
        self.timing = timing
    }

    /// The label as a JSON string, a slice of `bytes`.
    package var labelBytes: ByteBuffer { bytes.slice(label) }
    /// The confidence as a number in JSON, a slice of `bytes`.
    var confidenceBytes: ByteBuffer { bytes.slice(confidence) }
    /// The JSON object from class to probability, a slice of `bytes`.
    package var probabilityBytes: ByteBuffer { bytes.slice(probabilities) }
    /// What is before the probabilities, and after them.
    fileprivate var others: (before: ByteBuffer, after: ByteBuffer) {
        (
            bytes.slice(bytes.readerIndex..<probabilities.lowerBound),
            bytes.slice(probabilities.upperBound..<bytes.writerIndex)
        )
    }

    /// The likeliest classes, the first in the model's order on ties: each with its index and its probability as it is
    /// written.
    func likeliest(_ count: Int) throws(GatewayError) -> [(label: [UInt8], index: Int, number: [UInt8])] {
        var classes: [(probability: Double, label: [UInt8], index: Int, number: [UInt8])] = []
        try RequestBodies.read(probabilityBytes) { reader throws(JSONError) in
            try reader.beginObject()
            while let label = try reader.nextKey() {
                let label = [UInt8](label)
                let number = try reader.number()
                classes.append((DecimalNumber.double(of: number), label, classes.count, [UInt8](number)))
            }
        }
        classes.sort { $0.probability == $1.probability ? $0.index < $1.index : $0.probability > $1.probability }
        return classes.prefix(count).map { ($0.label, $0.index, $0.number) }
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
    fileprivate func slice(_ range: Range<Int>) -> ByteBuffer {
        getSlice(at: range.lowerBound, length: range.count) ?? ByteBuffer()
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

    /// Appends the part of a result after its id, with the likeliest classes only.
    private mutating func write(_ answer: Answer, top: Int) {
        guard let classes = try? answer.likeliest(top) else {
            writeImmutableBuffer(answer.bytes)
            return
        }
        let (before, after) = answer.others
        writeImmutableBuffer(before)
        writeStaticString("{")
        for (place, entry) in classes.enumerated() {
            if place > 0 { writeStaticString(",") }
            entry.label.withUnsafeBytes { writeJSON(utf8: $0) }
            writeStaticString(":")
            writeBytes(entry.number)
        }
        writeStaticString("}")
        writeImmutableBuffer(after)
    }

    /// Appends a complete result object: the answer or the error.
    ///
    /// - Parameter top: the most classes in `probabilities`, the likeliest first; nil for all.
    mutating func writeResult(id: String, _ outcome: Outcome, top: Int? = nil) {
        writeStaticString("{\"id\":")
        writeJSON(string: id)
        switch outcome {
        case .success(let answer):
            writeInteger(UInt8(ascii: ","))
            if let top { write(answer, top: top) } else { writeImmutableBuffer(answer.bytes) }
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
