/// The attributes of a structured CloudEvent that matter, with its data still unread.
private struct StructuredEvent {
    var specVersion: UnsafeRawBufferPointer?
    var id: UnsafeRawBufferPointer?
    var expiryTime: UnsafeRawBufferPointer?
    var dataContentType: UnsafeRawBufferPointer?
    /// The JSON of `data`, checked.
    var data: UnsafeRawBufferPointer?
    /// The content of `data_base64`.
    var base64: UnsafeRawBufferPointer?

    /// Reads the event's object. Of fields with the same name the first that is not null counts.
    init(_ reader: consuming JSONReader) throws(JSONError) {
        try reader.beginObject()
        while let key = try reader.nextKey() {
            if key.equals("data"), data == nil {
                let value = try reader.rawValue()
                data = value.equals("null") ? nil : value
            } else if key.equals("specversion"), specVersion == nil {
                specVersion = try reader.stringOrNull()
            } else if key.equals("id"), id == nil {
                id = try reader.stringOrNull()
            } else if key.equals("datacontenttype"), dataContentType == nil {
                dataContentType = try reader.stringOrNull()
            } else if key.equals("data_base64"), base64 == nil {
                base64 = try reader.stringOrNull()
            } else if key.equals("expirytime"), expiryTime == nil {
                expiryTime = try reader.stringOrNull()
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
    /// `source` and `type`, which the specification demands, are not needed to classify and not insisted on.
    func event(
        _ reader: consuming JSONReader, request: inout DecodedRequest
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
        return try text(of: event, request: &request)
    }

    private func text(
        of event: StructuredEvent, request: inout DecodedRequest
    ) throws(RequestFailure) -> UnsafeRawBufferPointer {
        let mediaType = MediaType(event.dataContentType)
        if case .unsupported(let message) = mediaType {
            throw RequestFailure(.unsupportedContentType, "in the CloudEvent's data, " + message)
        }
        guard mediaType != .structuredEvent else {
            throw RequestFailure(.unsupportedContentType, "a CloudEvent within a CloudEvent is not supported")
        }
        if let data = event.data {
            return try text(ofData: data, as: mediaType, isDeclared: event.dataContentType != nil, request: &request)
        }
        guard let base64 = event.base64 else { throw RequestFailure(.missingText, "the CloudEvent has no data") }
        guard let bytes = Base64.decode(base64, into: scratch) else {
            throw RequestFailure(.malformedJSON, "\"data_base64\" is not Base64")
        }
        if mediaType == .json { return try object(reader(bytes), request: &request) }
        guard UTF8Validation.isValid(bytes) else { throw .invalidUTF8 }
        return try checked(bytes)
    }

    /// The sentence in `data`: a string, which is the sentence itself, or a request object.
    private func text(
        ofData data: UnsafeRawBufferPointer, as mediaType: MediaType, isDeclared: Bool, request: inout DecodedRequest
    ) throws(RequestFailure) -> UnsafeRawBufferPointer {
        // `data` was checked as a part of the event.
        var reader = JSONReader(validated: data, scratch: scratch)
        let isString = data.first == UInt8(ascii: "\"")
        guard mediaType == .plainText || (isString && !isDeclared) else {
            guard data.first == UInt8(ascii: "{") else {
                throw RequestFailure(
                    .missingText, "the CloudEvent's data is not an object with a field \"text\"")
            }
            return try object(reader, request: &request)
        }
        guard isString else {
            throw RequestFailure(.missingText, "the CloudEvent's data is not a string, as its text/plain demands")
        }
        let text: UnsafeRawBufferPointer
        do { text = try reader.string() } catch { throw RequestFailure(error) }
        return try checked(text)
    }
}
