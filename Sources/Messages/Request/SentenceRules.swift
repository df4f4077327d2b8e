/// What a sentence must be: one set of rules for records and for the bodies of calls.
package struct SentenceRules: Sendable {
    /// The most bytes of UTF-8 that a sentence may have.
    package let maximumBytes: Int

    package init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// What is wrong with these bytes as a sentence, whatever they are; nil if nothing is.
    package func violation(of bytes: UnsafeRawBufferPointer) -> RequestFailure? {
        UTF8Validation.isValid(bytes) ? violation(ofUTF8: bytes) : .invalidUTF8
    }

    /// What is wrong with well-formed UTF-8 as a sentence; nil if nothing is.
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

/// Why a request holds no sentence.
package struct RequestFailure: Error, Equatable {
    package let code: ErrorCode
    /// One line for people, which quotes nothing of the request.
    package let message: String

    package init(_ code: ErrorCode, _ message: String) {
        self.code = code
        self.message = message
    }

    /// What is wrong with a value that is not the JSON that it should be.
    package init(_ error: JSONError) {
        self = error.reason == .invalidUTF8 ? .invalidUTF8 : RequestFailure(.malformedJSON, error.description)
    }

    /// The value is not UTF-8.
    package static var invalidUTF8: RequestFailure { RequestFailure(.invalidUTF8, "the value is not UTF-8") }
}
