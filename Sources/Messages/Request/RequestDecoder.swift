/// Decodes the value and headers of a Kafka record, or the body and headers of an HTTP request, into a sentence or the
/// reason why there is none.
///
/// Sentences are borrowed from the record, or from the decoder's own memory if they need unescaping. ``reset()`` reuses
/// that memory: decode a batch, use it, reset. Once that memory has grown to the size of a batch, decoding allocates
/// nothing except the message of some failures. Not thread-safe.
package final class RequestDecoder {
    /// The maximum length of a sentence in UTF-8 bytes.
    package var maximumTextBytes: Int { rules.maximumBytes }
    /// The maximum size of a value in bytes; a larger one is rejected without being parsed.
    package let maximumValueBytes: Int

    let rules: SentenceRules
    let scratch = ScratchArena()
    private let format: RequestFormat
    /// What the format's pointers lead to.
    private var found: FoundFields
    /// Where a field can be added to the request's object; nil if none will be.
    private var finder: FieldSiteFinder?
    /// The writers' schemas of values in a registry's framing; nil if no registry is asked.
    private let schemas: SchemaTable?
    /// Avro as JSON, on its way to the scratch memory.
    private let encoded = ByteArena(capacity: 64)

    /// Makes a decoder with limits in bytes, for requests of the usual format.
    package convenience init(maximumTextBytes: Int = 8192, maximumValueBytes: Int = 4 << 20) {
        self.init(RequestFormat(maximumTextBytes: maximumTextBytes), maximumValueBytes: maximumValueBytes)
    }

    /// Makes a decoder for requests of a format.
    ///
    /// - Parameter schemas: the writers' schemas of values in a registry's framing; must have those of each value before
    ///   it is decoded.
    package init(_ format: RequestFormat, schemas: SchemaTable? = nil, maximumValueBytes: Int = 4 << 20) {
        self.format = format
        self.schemas = schemas
        rules = SentenceRules(maximumBytes: format.maximumTextBytes)
        found = FoundFields(format.fields)
        finder = format.addedField.map { FieldSiteFinder(field: Array($0.utf8)) }
        self.maximumValueBytes = max(maximumValueBytes, format.maximumTextBytes)
    }

    /// Reuses the memory of everything decoded so far.
    package func reset() { scratch.reset() }

    /// Decodes one record. Never throws: failures are part of the result.
    package func decode(value: UnsafeRawBufferPointer?, headers: borrowing RequestHeaders) -> DecodedRequest {
        var fields = RequestFields()
        return decode(value: value, headers: headers, fields: &fields)
    }

    /// The same for callers that need more fields than those of a record, such as `key`: if the value has an object,
    /// they are in `fields` afterwards.
    package func decode(
        value: UnsafeRawBufferPointer?, headers: borrowing RequestHeaders, fields: inout RequestFields
    ) -> DecodedRequest {
        let mediaType = MediaType(headers.contentType, unlessGiven: format.defaultType)
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
            let text = try text(of: value, as: mediaType, request: &request, fields: &fields)
            request.content = .text(text)
            if finder != nil, request.value == nil { request.value = .text(text) }
        } catch {
            var message = error.message
            if format.namesSettings, error.code == .malformedJSON, headers.contentType == nil, let value,
                value.first != 0,
                !JSONReader.canStartObject(value)
            {
                message += "; for records that are plain text, use --default-content-type text/plain"
            }
            request.content = .failure(error.code, message: message)
        }
        return request
    }

    private func text(
        of value: UnsafeRawBufferPointer, as mediaType: MediaType, request: inout DecodedRequest,
        fields: inout RequestFields
    ) throws(RequestFailure) -> UnsafeRawBufferPointer {
        switch mediaType {
        case .json:
            guard let id = SchemaFraming.schemaID(of: value) else {
                return try object(reader(value), request: &request, fields: &fields)
            }
            return try framed(value, schema: id, request: &request, fields: &fields)
        case .avro:
            guard let id = SchemaFraming.schemaID(of: value) else {
                throw RequestFailure(
                    .unsupportedContentType, "Avro is read in a schema registry's framing, and this value has none")
            }
            return try framed(value, schema: id, request: &request, fields: &fields)
        case .ownJSON:
            return try usualObject(reader(value), request: &request, fields: &fields)
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

    /// Reads a value behind a schema registry's framing.
    private func framed(
        _ value: UnsafeRawBufferPointer, schema id: UInt32, request: inout DecodedRequest, fields: inout RequestFields
    ) throws(RequestFailure) -> UnsafeRawBufferPointer {
        let payload = value.slice(SchemaFraming.length..<value.count)
        switch schemas?[id] {
        case .avro(let schema):
            return try avro(payload, schema: schema, request: &request)
        case .json:
            return try object(reader(payload), request: &request, fields: &fields)
        case .refused(let message):
            throw RequestFailure(.unsupportedContentType, message)
        case .unknown:
            guard JSONReader.canStartObject(payload) else {
                throw RequestFailure(.unknownSchema, "the schema registry does not know schema \(id)")
            }
            return try object(reader(payload), request: &request, fields: &fields)
        case nil:
            // No registry is asked.
            return try object(reader(withoutFraming(value)), request: &request, fields: &fields)
        }
    }

    /// The JSON behind a schema registry's framing, which needs no registry to be told from Avro and Protobuf.
    func withoutFraming(_ value: UnsafeRawBufferPointer) throws(RequestFailure) -> UnsafeRawBufferPointer {
        guard let id = SchemaFraming.schemaID(of: value) else { return value }
        let payload = value.slice(SchemaFraming.length..<value.count)
        guard !JSONReader.canStartObject(payload) else { return payload }
        let hint = format.namesSettings && schemas == nil ? "; Avro is read with --schema-registry-url" : ""
        throw RequestFailure(
            .unsupportedContentType,
            "the value has a schema registry's framing (schema \(id)) and is not JSON; Avro and Protobuf are not read"
                + hint)
    }

    /// Reads a value in Avro's binary encoding.
    private func avro(
        _ value: UnsafeRawBufferPointer, schema: AvroSchema, request: inout DecodedRequest
    ) throws(RequestFailure) -> UnsafeRawBufferPointer {
        do throws(AvroError) {
            var reader = AvroReader(value, schema: schema)
            try found.read(&reader, scratch: scratch)
        } catch {
            throw RequestFailure(error)
        }
        let text = try foundText(request: &request) { schema.stringPlaces() }
        if let finder { request.value = try encoding(of: value, schema: schema, field: finder.field) }
        return text
    }

    /// A value in Avro's JSON encoding, in the scratch memory.
    private func encoding(
        of value: UnsafeRawBufferPointer, schema: AvroSchema, field: [UInt8]
    ) throws(RequestFailure) -> RequestValue {
        encoded.reset()
        var writer = AvroJSONWriter(value, schema: schema, field: field, atMost: maximumValueBytes, into: encoded)
        do throws(AvroError) { try writer.write() } catch { throw RequestFailure(error) }
        let copy = scratch.allocate(encoded.count)
        copy.copyMemory(from: encoded.bytes.baseAddress ?? UnsafeRawPointer(copy), byteCount: encoded.count)
        let json = UnsafeRawBufferPointer(start: copy, count: encoded.count)
        let isObject = json.first == UInt8(ascii: "{") && !writer.isBranchOfFieldsName
        return isObject ? .object(json, writer.site) : .other(json)
    }

    /// Makes a reader for a JSON value.
    func reader(_ value: UnsafeRawBufferPointer) throws(RequestFailure) -> JSONReader {
        guard UTF8Validation.isValid(value) else { throw .invalidUTF8 }
        return JSONReader(validated: value, scratch: scratch)
    }

    /// Reads a request object and returns its sentence.
    func object(
        _ reader: consuming JSONReader, request: inout DecodedRequest, fields: inout RequestFields
    ) throws(RequestFailure) -> UnsafeRawBufferPointer {
        if format.isUsual { return try usualObject(reader, request: &request, fields: &fields) }
        let value = reader.input
        finder?.begin()
        do { try found.read(&reader, finder: &finder) } catch { throw RequestFailure(error) }
        let text = try foundText(request: &request) { MissingText.strings(in: value, scratch: self.scratch) }
        if let finder {
            request.value =
                finder.isArray ? .other(JSONReader.withoutByteOrderMark(value)) : .object(value, try finder.checked())
        }
        return text
    }

    /// Reads `{"text": …, "id": …}`.
    private func usualObject(
        _ reader: consuming JSONReader, request: inout DecodedRequest, fields: inout RequestFields
    ) throws(RequestFailure) -> UnsafeRawBufferPointer {
        let value = reader.input
        do throws(JSONError) {
            try reader.beginObject()
            if finder == nil {
                while let name = try reader.nextKey() { try fields.read(name, from: &reader) }
            } else {
                try readMembers(&reader, &fields)
            }
            try reader.finish()
        } catch {
            throw RequestFailure(error)
        }
        if let id = fields.id { request.id = id }
        do {
            let text = try fields.sentence(rules)
            if let finder { request.value = .object(value, try finder.checked()) }
            return text
        } catch {
            guard error.code == .missingText, !fields.hasText else { throw error }
            throw withPlaces(error) { MissingText.strings(in: value, scratch: self.scratch) }
        }
    }

    /// Reads the members of an object to which a field will be added.
    @inline(never)
    private func readMembers(_ reader: inout JSONReader, _ fields: inout RequestFields) throws(JSONError) {
        finder?.begin()
        while let name = try reader.nextKey() {
            let start = try finder?.start(of: name, &reader) ?? nil
            try fields.read(name, from: &reader)
            finder?.end(startedAt: start, at: reader.position)
        }
    }

    /// The sentence at the format's pointers; notes the id.
    ///
    /// - Parameter places: where else the value has strings.
    private func foundText(
        request: inout DecodedRequest, places: () -> [String]
    ) throws(RequestFailure) -> UnsafeRawBufferPointer {
        let values = found.values
        switch values.last {
        case .string(let id), .number(let id): request.id = id
        case .absent, .other, nil: break
        }
        var text: UnsafeRawBufferPointer?
        var isJoined = false
        for (index, pointer) in format.textFields.enumerated() {
            switch values[index] {
            case .absent: continue
            case .number, .other: throw RequestFailure(.missingText, "\(pointer) must be a string")
            case .string(let part):
                isJoined = text != nil
                text = text ?? part
            }
        }
        guard var text else {
            let pointers = format.textFields.map(\.description).joined(separator: " or ")
            throw withPlaces(RequestFailure(.missingText, "the value has no string at \(pointers)"), places)
        }
        if isJoined { text = join(values.dropLast()) }
        if let violation = rules.violation(ofUTF8: text) { throw violation }
        return text
    }

    /// The strings with a space in between.
    private func join(_ values: some Sequence<FoundFields.Value>) -> UnsafeRawBufferPointer {
        var count = 0
        for case .string(let part) in values { count += part.count + 1 }
        let target = scratch.allocate(count)
        var cursor = ByteCursor(target)
        for case .string(let part) in values {
            if cursor.position != target { cursor.put(UInt8(ascii: " ")) }
            cursor.put(part)
        }
        return UnsafeRawBufferPointer(start: target, count: cursor.position - target)
    }

    /// Adds where else the value has strings, and the setting that helps.
    private func withPlaces(_ failure: RequestFailure, _ places: () -> [String]) -> RequestFailure {
        guard format.namesSettings else { return failure }
        let places = places()
        guard !places.isEmpty else { return failure }
        return RequestFailure(
            failure.code,
            "\(failure.message); there are strings at \(places.joined(separator: ", ")): --text-field says where the sentence is"
        )
    }

    /// The bytes as a sentence, if they are a valid one.
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

/// A decoded request: a sentence, or why there is none.
///
/// Its bytes are borrowed from the record or the decoder: valid while both exist, and until the decoder's `reset()`.
package struct DecodedRequest {
    /// A sentence, or why there is none.
    package enum Content {
        /// The sentence: well-formed UTF-8, not only white space, within the length limit.
        case text(UnsafeRawBufferPointer)
        /// Why there is none. The message is one human-readable line. It quotes no value of the request; a worker's may
        /// name its fields.
        case failure(ErrorCode, message: String)
    }

    /// A sentence, or why there is none.
    package var content: Content
    /// The request's own id, UTF-8: `id` of the JSON, else the CloudEvent's. If nil, the ``RecordSource`` identifies
    /// it.
    package var id: UnsafeRawBufferPointer?
    /// Whether the request is a CloudEvent, structured or binary; the reply is then one too.
    package var isCloudEvent: Bool
    /// Unix milliseconds after which nobody waits for the reply.
    package var deadline: Int64?
    /// The request's own value, if the format asks for it and there is a sentence.
    package var value: RequestValue?

    /// Makes a result without a decoder.
    package init(
        content: Content, id: UnsafeRawBufferPointer? = nil, isCloudEvent: Bool = false, deadline: Int64? = nil
    ) {
        self.content = content
        self.id = id
        self.isCloudEvent = isCloudEvent
        self.deadline = deadline
    }

    /// Whether the deadline has passed at that time, in Unix milliseconds.
    package func isExpired(at now: Int64) -> Bool {
        guard let deadline else { return false }
        return deadline < now
    }
}
