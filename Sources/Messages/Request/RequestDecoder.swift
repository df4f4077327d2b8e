/// Turns the value and headers of a record, or the body of a call and what its head says of it, into a sentence, or into
/// the reason why there is none.
///
/// Sentences are borrowed from the record where they need no unescaping, else from the decoder's own memory, which is
/// reused after
/// ``reset()``: decode a batch, use it, reset. Nothing is allocated for a record once that memory has grown to the
/// size of a batch, except the message of some failures. One thread at a time.
package final class RequestDecoder {
    /// The most bytes of UTF-8 that a sentence may have.
    package var maximumTextBytes: Int { rules.maximumBytes }
    /// The most bytes that a value may have; a larger one is refused unread.
    package let maximumValueBytes: Int

    let rules: SentenceRules
    let scratch = ScratchArena()

    /// Makes a decoder with its limits, in bytes.
    package init(maximumTextBytes: Int = 8192, maximumValueBytes: Int = 4 << 20) {
        rules = SentenceRules(maximumBytes: maximumTextBytes)
        self.maximumValueBytes = max(maximumValueBytes, maximumTextBytes)
    }

    /// Takes back the memory of what was decoded.
    package func reset() { scratch.reset() }

    /// Decodes one record. It never throws: what is wrong with a record is part of the result.
    package func decode(value: UnsafeRawBufferPointer?, headers: borrowing RequestHeaders) -> DecodedRequest {
        var fields = RequestFields()
        return decode(value: value, headers: headers, fields: &fields)
    }

    /// The same, for a door whose objects have more fields than a record's: they are in `fields` afterwards, if the
    /// value has an object.
    package func decode(
        value: UnsafeRawBufferPointer?, headers: borrowing RequestHeaders, fields: inout RequestFields
    ) -> DecodedRequest {
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
            request.content = .text(try text(of: value, as: mediaType, request: &request, fields: &fields))
        } catch {
            request.content = .failure(error.code, message: error.message)
        }
        return request
    }

    private func text(
        of value: UnsafeRawBufferPointer, as mediaType: MediaType, request: inout DecodedRequest,
        fields: inout RequestFields
    ) throws(RequestFailure) -> UnsafeRawBufferPointer {
        switch mediaType {
        case .json:
            return try object(reader(value), request: &request, fields: &fields)
        case .plainText:
            return try plainText(value)
        case .structuredEvent:
            return try event(reader(value), request: &request, fields: &fields)
        case .other:
            throw RequestFailure(
                .unsupportedContentType,
                "the content type is neither JSON nor text/plain nor application/cloudevents+json")
        case .refused(let message):
            throw RequestFailure(.unsupportedContentType, message)
        }
    }

    /// Starts reading a JSON value.
    func reader(_ value: UnsafeRawBufferPointer) throws(RequestFailure) -> JSONReader {
        guard UTF8Validation.isValid(value) else { throw .invalidUTF8 }
        return JSONReader(validated: value, scratch: scratch)
    }

    /// Reads an object whose fields are those of a request.
    func object(
        _ reader: consuming JSONReader, request: inout DecodedRequest, fields: inout RequestFields
    ) throws(RequestFailure) -> UnsafeRawBufferPointer {
        do {
            try reader.beginObject()
            while let name = try reader.nextKey() { try fields.read(name, from: &reader) }
            try reader.finish()
        } catch {
            throw RequestFailure(error)
        }
        if let id = fields.id { request.id = id }
        return try fields.sentence(rules)
    }

    /// The sentence that the bytes themselves are.
    func plainText(_ bytes: UnsafeRawBufferPointer) throws(RequestFailure) -> UnsafeRawBufferPointer {
        if let violation = rules.violation(of: bytes) { throw violation }
        return bytes
    }

    private func checkSize(of value: UnsafeRawBufferPointer, as mediaType: MediaType) throws(RequestFailure) {
        guard value.count > maximumValueBytes else { return }
        if case .plainText = mediaType { throw rules.tooLong(value.count) }
        throw RequestFailure(
            .textTooLong, "the value has \(value.count) bytes, at most \(maximumValueBytes) are taken")
    }
}

/// What a request's record says: a sentence, or why there is none.
///
/// Bytes are borrowed from the record or from the decoder: valid while record and decoder are, and until the
/// decoder's `reset()`.
package struct DecodedRequest {
    /// A sentence, or why there is none.
    package enum Content {
        /// The sentence, well-formed UTF-8 with something other than white space in it, within the limit.
        case text(UnsafeRawBufferPointer)
        /// Why there is none. The message is one line for people, and quotes nothing of the request.
        case failure(ErrorCode, message: String)
    }

    /// A sentence, or why there is none.
    package var content: Content
    /// The request's own id, UTF-8: `id` of the JSON, else the CloudEvent's. Nil if it has none: then it goes by
    /// ``RecordSource``.
    package var id: UnsafeRawBufferPointer?
    /// Whether the request is a CloudEvent, structured or binary; its reply then is one too.
    package var isCloudEvent: Bool
    /// Unix milliseconds after which nobody waits for the reply.
    package var deadline: Int64?

    /// Puts together what a decoder would have found.
    package init(
        content: Content, id: UnsafeRawBufferPointer? = nil, isCloudEvent: Bool = false, deadline: Int64? = nil
    ) {
        self.content = content
        self.id = id
        self.isCloudEvent = isCloudEvent
        self.deadline = deadline
    }

    /// Whether nobody waits any more at that time, in Unix milliseconds.
    package func isExpired(at now: Int64) -> Bool {
        guard let deadline else { return false }
        return deadline < now
    }
}
