import Platform

/// The relevant attributes of a structured CloudEvent, and its data, not decoded yet.
private struct StructuredEvent {
    var specVersion: UnsafeRawBufferPointer?
    var id: UnsafeRawBufferPointer?
    var expiryTime: UnsafeRawBufferPointer?
    var dataContentType: UnsafeRawBufferPointer?
    /// The JSON of `data`, validated.
    var data: UnsafeRawBufferPointer?
    /// The content of `data_base64`.
    var base64: UnsafeRawBufferPointer?

    /// Reads the event's object. The last of several fields with one name counts, and null counts as absent. Attributes
    /// that determine how to read the data must be strings; all others may have any type.
    init(_ reader: consuming JSONReader) throws(JSONError) {
        try reader.beginObject()
        while let key = try reader.nextKey() {
            if key.equals("data") {
                let value = try reader.rawValue()
                data = value.equals("null") ? nil : value
            } else if key.equals("specversion") {
                specVersion = try reader.stringOrNull()
            } else if key.equals("id") {
                id = try reader.identifierOrSkip()
            } else if key.equals("datacontenttype") {
                dataContentType = try reader.stringOrNull()
            } else if key.equals("data_base64") {
                base64 = try reader.stringOrNull()
            } else if key.equals("expirytime") {
                expiryTime = try reader.stringOrSkip()
            } else {
                try reader.skip()
            }
        }
        try reader.finish()
    }
}

extension RequestDecoder {
    /// Reads a structured CloudEvent 1.0 whose data is a request object, a sentence, or either in Base64.
    ///
    /// `source` and `type` are required by the specification, but not needed to classify, and may be missing.
    func event(
        _ reader: consuming JSONReader, request: inout DecodedRequest, fields: inout RequestFields
    ) throws(RequestFailure) -> UnsafeRawBufferPointer {
        let event: StructuredEvent
        do { event = try StructuredEvent(reader) } catch { throw RequestFailure(error) }
        if let id = event.id, !id.isEmpty { request.id = id }
        if request.deadline == nil, let time = event.expiryTime { request.deadline = Timestamp.milliseconds(of: time) }
        guard let version = event.specVersion else {
            throw RequestFailure(.malformedJSON, "the CloudEvent has no \"specversion\"")
        }
        guard version.equals(HeaderValue.eventSpecVersion) else {
            throw RequestFailure(.unsupportedContentType, "the CloudEvents version is not 1.0")
        }
        return try text(of: event, request: &request, fields: &fields)
    }

    private func text(
        of event: StructuredEvent, request: inout DecodedRequest, fields: inout RequestFields
    ) throws(RequestFailure) -> UnsafeRawBufferPointer {
        let mediaType = MediaType(event.dataContentType)
        switch mediaType {
        case .json, .ownJSON, .plainText:
            break
        case .structuredEvent:
            throw RequestFailure(.unsupportedContentType, "a CloudEvent within a CloudEvent is not taken")
        case .other, .avro:
            throw RequestFailure(.unsupportedContentType, "the CloudEvent's data is neither JSON nor text/plain")
        case .refused(let message):
            throw RequestFailure(.unsupportedContentType, "in the CloudEvent's data, " + message)
        }
        if let data = event.data {
            let isDeclared = event.dataContentType != nil
            return try text(ofData: data, as: mediaType, isDeclared: isDeclared, request: &request, fields: &fields)
        }
        guard let base64 = event.base64 else { throw RequestFailure(.missingText, "the CloudEvent has no data") }
        guard let bytes = Base64.decode(base64, into: scratch) else {
            throw RequestFailure(.malformedJSON, "\"data_base64\" is not Base64")
        }
        guard mediaType != .plainText else { return try plainText(bytes) }
        return try object(reader(withoutFraming(bytes)), request: &request, fields: &fields)
    }

    /// The sentence in `data`, which is a string or a request object.
    private func text(
        ofData data: UnsafeRawBufferPointer, as mediaType: MediaType, isDeclared: Bool,
        request: inout DecodedRequest, fields: inout RequestFields
    ) throws(RequestFailure) -> UnsafeRawBufferPointer {
        // `data` was validated as a part of the event.
        var reader = JSONReader(validated: data, scratch: scratch)
        let isString = data.first == UInt8(ascii: "\"")
        guard mediaType == .plainText || (isString && !isDeclared) else {
            guard data.first == UInt8(ascii: "{") else {
                throw RequestFailure(
                    .missingText, "the CloudEvent's data is not an object with a field \"text\"")
            }
            return try object(reader, request: &request, fields: &fields)
        }
        guard isString else {
            throw RequestFailure(.missingText, "the CloudEvent's data is not a string, as its text/plain demands")
        }
        let text: UnsafeRawBufferPointer
        do { text = try reader.string() } catch { throw RequestFailure(error) }
        if let violation = rules.violation(ofUTF8: text) { throw violation }
        return text
    }
}
