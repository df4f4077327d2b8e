/// The rules for valid sentences, shared by Kafka records and HTTP requests.
package struct SentenceRules: Sendable {
    /// The maximum length of a sentence in UTF-8 bytes.
    package let maximumBytes: Int

    package init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// Why arbitrary bytes are not a valid sentence; nil if they are.
    package func violation(of bytes: UnsafeRawBufferPointer) -> RequestFailure? {
        UTF8Validation.isValid(bytes) ? violation(ofUTF8: bytes) : .invalidUTF8
    }

    /// Why well-formed UTF-8 is not a valid sentence; nil if it is.
    package func violation(ofUTF8 text: UnsafeRawBufferPointer) -> RequestFailure? {
        if text.count > maximumBytes { return tooLong(text.count) }
        if WhiteSpace.isAll(of: text) {
            return RequestFailure(.emptyText, "the text is empty or has only white space")
        }
        return nil
    }

    func tooLong(_ count: Int) -> RequestFailure {
        RequestFailure(.textTooLong, "the text has \(count) bytes of UTF-8, at most \(maximumBytes) are taken")
    }
}

/// Why a request has no valid sentence.
package struct RequestFailure: Error, Equatable {
    package let code: ErrorCode
    /// One human-readable line that quotes no value of the request.
    package let message: String

    package init(_ code: ErrorCode, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The failure for a value that is not the expected JSON.
    package init(_ error: JSONError) {
        self = error.reason == .invalidUTF8 ? .invalidUTF8 : RequestFailure(.malformedJSON, error.description)
    }

    /// The failure for a value that does not fit its Avro schema, or its JSON encoding that is too large.
    init(_ error: AvroError) {
        let what = error.code == .malformedAvro ? "the value does not fit its Avro schema: " : ""
        self.init(error.code, what + error.message)
    }

    /// The value is not UTF-8.
    package static var invalidUTF8: RequestFailure { RequestFailure(.invalidUTF8, "the value is not UTF-8") }
}
