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
