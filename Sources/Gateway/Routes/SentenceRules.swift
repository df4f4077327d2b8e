import Messages

/// What a text must be to be sent to the workers: theirs are the same rules, but an answer from here is quicker.
struct SentenceRules: Sendable {
    let maximumBytes: Int

    /// The sentence that these bytes are.
    func sentence(_ bytes: [UInt8]) throws(GatewayError) -> Sentence {
        if let error = bytes.withUnsafeBytes({ violation(of: $0) }) { throw error }
        return Sentence(bytes)
    }

    /// The sentence that these borrowed bytes are.
    func sentence(copying bytes: UnsafeRawBufferPointer) throws(GatewayError) -> Sentence {
        if let error = violation(of: bytes) { throw error }
        return Sentence([UInt8](bytes))
    }

    private func violation(of bytes: UnsafeRawBufferPointer) -> GatewayError? {
        if bytes.count > maximumBytes {
            return GatewayError(.textTooLong, "the sentence has \(bytes.count) bytes of at most \(maximumBytes)")
        }
        guard UTF8Validation.isValid(bytes) else {
            return GatewayError(.invalidUTF8, "the sentence is not valid UTF-8")
        }
        if WhiteSpace.isAll(of: bytes) {
            return GatewayError(.emptyText, "the sentence has no character other than white space")
        }
        return nil
    }
}
