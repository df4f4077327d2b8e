/// Turns the value and headers of a record into a sentence, or into the reason why there is none.
///
/// Sentences are borrowed from the record where they need no unescaping, else from the decoder's own memory, which is
/// reused after
/// ``reset()``: decode a batch, use it, reset. Nothing is allocated for a record once that memory has grown to the
/// size of a batch, except the message of some failures. One thread at a time.
public final class RequestDecoder {
    /// The most bytes of UTF-8 that a sentence may have.
    public let maximumTextBytes: Int
    /// The most bytes that a record's value may have; a larger one is refused unread.
    public let maximumValueBytes: Int

    let scratch = ScratchArena()

    /// Makes a decoder with its limits, in bytes.
    public init(maximumTextBytes: Int = 8192, maximumValueBytes: Int = 1 << 20) {
        self.maximumTextBytes = maximumTextBytes
        self.maximumValueBytes = max(maximumValueBytes, maximumTextBytes)
    }

    /// Takes back the memory of what was decoded.
    public func reset() { scratch.reset() }

    /// Decodes one record. It never throws: what is wrong with a record is part of the result.
    public func decode(value: UnsafeRawBufferPointer?, headers: borrowing RequestHeaders) -> DecodedRequest {
        let mediaType = MediaType(headers.contentType)
        let isBinaryEvent = headers.eventSpecVersion != nil
        var request = DecodedRequest(
            content: .failure(.missingText, message: "the record has no value"),
            id: isBinaryEvent ? headers.eventID : nil,
            isCloudEvent: isBinaryEvent || mediaType == .structuredEvent,
            deadline: headers.deadline)
        do throws(RequestFailure) {
            if let version = headers.eventSpecVersion, !version.equals(HeaderValue.eventSpecVersion) {
                throw RequestFailure(.unsupportedContentType, "the CloudEvents version is not 1.0")
            }
            guard let value else { return request }
            try checkSize(of: value, as: mediaType)
            request.content = .text(try text(of: value, as: mediaType, request: &request))
        } catch {
            request.content = .failure(error.code, message: error.message)
        }
        return request
    }

    private func text(
        of value: UnsafeRawBufferPointer, as mediaType: MediaType, request: inout DecodedRequest
    ) throws(RequestFailure) -> UnsafeRawBufferPointer {
        switch mediaType {
        case .json:
            let reader = try reader(value)
            return try object(reader, request: &request)
        case .plainText:
            guard UTF8Validation.isValid(value) else { throw .invalidUTF8 }
            return try checked(value)
        case .structuredEvent:
            return try event(reader(value), request: &request)
        case .unsupported(let message):
            throw RequestFailure(.unsupportedContentType, message)
        }
    }

    /// Starts reading a JSON value.
    func reader(_ value: UnsafeRawBufferPointer) throws(RequestFailure) -> JSONReader {
        guard UTF8Validation.isValid(value) else { throw .invalidUTF8 }
        return JSONReader(validated: value, scratch: scratch)
    }

    /// Reads `{"text": "…", "id": "…"}`. Of fields with the same name the first counts.
    func object(
        _ reader: consuming JSONReader, request: inout DecodedRequest
    ) throws(RequestFailure) -> UnsafeRawBufferPointer {
        var text: UnsafeRawBufferPointer?
        var id: UnsafeRawBufferPointer?
        var hasText = false
        var hasID = false
        var idIsNoString = false
        do {
            try reader.beginObject()
            while let key = try reader.nextKey() {
                if key.equals("text"), !hasText {
                    hasText = true
                    if try reader.peek() == .string { text = try reader.string() } else { try reader.skip() }
                } else if key.equals("id"), !hasID {
                    hasID = true
                    switch try reader.peek() {
                    case .string: id = try reader.string()
                    case .null: try reader.skip()
                    default:
                        idIsNoString = true
                        try reader.skip()
                    }
                } else {
                    try reader.skip()
                }
            }
            try reader.finish()
        } catch {
            throw RequestFailure(error)
        }
        if let id { request.id = id }
        if idIsNoString { throw RequestFailure(.malformedJSON, "\"id\" must be a string") }
        guard let text else {
            throw RequestFailure(
                .missingText, hasText ? "\"text\" must be a string" : "the object has no field \"text\"")
        }
        return try checked(text)
    }

    /// A sentence that is neither empty nor too long.
    func checked(_ text: UnsafeRawBufferPointer) throws(RequestFailure) -> UnsafeRawBufferPointer {
        guard text.count <= maximumTextBytes else { throw tooLong(text.count) }
        guard !WhiteSpace.isAll(of: text) else {
            throw RequestFailure(.emptyText, "the text is empty or has only white space")
        }
        return text
    }

    private func tooLong(_ count: Int) -> RequestFailure {
        RequestFailure(.textTooLong, "the text has \(count) bytes of UTF-8, at most \(maximumTextBytes) are taken")
    }

    private func checkSize(of value: UnsafeRawBufferPointer, as mediaType: MediaType) throws(RequestFailure) {
        guard value.count > maximumValueBytes else { return }
        if case .plainText = mediaType { throw tooLong(value.count) }
        throw RequestFailure(
            .textTooLong, "the value has \(value.count) bytes, at most \(maximumValueBytes) are taken")
    }
}

/// Why a record holds no sentence. It is thrown inside the decoder only.
struct RequestFailure: Error {
    var code: ErrorCode
    var message: String

    init(_ code: ErrorCode, _ message: String) {
        self.code = code
        self.message = message
    }

    init(_ error: JSONError) {
        self.init(error.reason == .invalidUTF8 ? .invalidUTF8 : .malformedJSON, error.description)
    }

    static var invalidUTF8: RequestFailure { RequestFailure(.invalidUTF8, "the value is not UTF-8") }
}
