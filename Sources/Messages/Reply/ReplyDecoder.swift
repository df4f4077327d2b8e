/// A decoded reply. Its bytes are borrowed from the record or the decoder: valid while both exist, and until the
/// decoder's `reset()`.
package struct DecodedReply {
    /// The kinds of reply.
    package enum Content {
        /// A classification.
        ///
        /// - label: the most probable class, or that of unsure replies; UTF-8. ``DecodedReply/best`` tells which.
        /// - model: `NAME@VERSION`, UTF-8.
        /// - probabilities: the JSON object from class to probability, verbatim; see `ReplyDecoder.forEachProbability`.
        case classification(
            label: UnsafeRawBufferPointer, model: UnsafeRawBufferPointer, probabilities: UnsafeRawBufferPointer)
        /// An error reply. The code is nil if this version does not know it.
        case failure(ErrorCode?, code: UnsafeRawBufferPointer, message: UnsafeRawBufferPointer)
        /// Not a reply: not JSON, or neither an error nor a complete classification.
        case malformed
    }

    /// A classification, an error, or neither.
    package var content: Content
    /// The request's id, UTF-8; nil if the value has none or cannot be parsed.
    package var id: UnsafeRawBufferPointer?
    /// The most probable class, UTF-8, if the reply is unsure.
    package var best: UnsafeRawBufferPointer?
    /// Which stage of the model answered, UTF-8; nil if it has but one.
    package var stage: UnsafeRawBufferPointer?
}

/// Decodes replies, for programs that send sentences. Not thread-safe.
package final class ReplyDecoder {
    private let scratch = ScratchArena()

    /// Makes a decoder.
    package init() {}

    /// Reuses the memory of everything decoded so far.
    package func reset() { scratch.reset() }

    /// Decodes a reply.
    ///
    /// - Parameters:
    ///   - value: the record's value.
    ///   - status: the header `triage-status`. Used only if the value is missing or cannot be parsed: with an error
    ///     code here the reply is a failure, not malformed.
    package func decode(value: UnsafeRawBufferPointer?, status: UnsafeRawBufferPointer? = nil) -> DecodedReply {
        if let value, let reply = try? parse(value) { return reply }
        guard let status, let code = ErrorCode(bytes: status) else { return DecodedReply(content: .malformed, id: nil) }
        return DecodedReply(content: .failure(code, code: status, message: StaticString("").bytes), id: nil)
    }

    /// Calls the body with each class and its probability, in the model's order, and returns the largest one as it is
    /// written. Throws if the bytes are not an object of numbers.
    @discardableResult
    package func forEachProbability(
        in probabilities: UnsafeRawBufferPointer,
        _ body: (_ label: UnsafeRawBufferPointer, _ probability: Double) -> Void
    ) throws(JSONError) -> UnsafeRawBufferPointer? {
        var reader = try JSONReader(probabilities, scratch: scratch)
        var largest: (number: UnsafeRawBufferPointer, value: Double)?
        try reader.beginObject()
        while let label = try reader.nextKey() {
            let number = try reader.number()
            let value = DecimalNumber.double(of: number)
            body(label, value)
            if largest.map({ value > $0.value }) ?? true { largest = (number, value) }
        }
        try reader.finish()
        return largest?.number
    }

    private func parse(_ value: UnsafeRawBufferPointer) throws(JSONError) -> DecodedReply {
        var reader = try JSONReader(value, scratch: scratch)
        var id: UnsafeRawBufferPointer?
        var label: UnsafeRawBufferPointer?
        var best: UnsafeRawBufferPointer?
        var model: UnsafeRawBufferPointer?
        var stage: UnsafeRawBufferPointer?
        var probabilities: UnsafeRawBufferPointer?
        var failure: DecodedReply.Content?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            if key.equals("id") {
                id = try reader.string()
            } else if key.equals("label") {
                label = try reader.string()
            } else if key.equals("best") {
                best = try reader.stringOrSkip()
            } else if key.equals("model") {
                model = try reader.string()
            } else if key.equals("stage") {
                stage = try reader.stringOrSkip()
            } else if key.equals("probabilities") {
                guard try reader.peek() == .object else { throw JSONError(.expected(.object), at: reader.position) }
                probabilities = try reader.rawValue()
            } else if key.equals("error") {
                failure = try error(&reader)
            } else {
                try reader.skip()
            }
        }
        try reader.finish()
        if let failure { return DecodedReply(content: failure, id: id) }
        guard let label, let model, let probabilities else { return DecodedReply(content: .malformed, id: id) }
        return DecodedReply(
            content: .classification(label: label, model: model, probabilities: probabilities), id: id, best: best,
            stage: stage)
    }

    private func error(_ reader: inout JSONReader) throws(JSONError) -> DecodedReply.Content {
        var code = StaticString("").bytes
        var message = StaticString("").bytes
        try reader.beginObject()
        while let key = try reader.nextKey() {
            if key.equals("code") {
                code = try reader.string()
            } else if key.equals("message") {
                message = try reader.string()
            } else {
                try reader.skip()
            }
        }
        return .failure(ErrorCode(bytes: code), code: code, message: message)
    }
}
