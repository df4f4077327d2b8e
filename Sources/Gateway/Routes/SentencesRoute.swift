import HTTPServer
import Messages
import NIOCore
import NIOHTTP1

/// `POST /v1/sentences`: for the bulk lane, whose answers come by `classifications` and not here.
struct SentencesRoute {
    let core: GatewayCore

    var endpoints: [Endpoint] { [Endpoint(.POST, "/v1/sentences", .task(publish), check: check)] }

    @Sendable
    private func check(_ request: Request) throws(GatewayError) {
        try request.requireContentType([ContentType.json])
    }

    @Sendable
    private func publish(_ request: Request) async throws(GatewayError) -> Response {
        let deadline = try request.deadline(default: core.configuration.requestTimeout)
        let records = try BulkBodies.records(
            request.body, rules: core.rules, maximum: core.configuration.maximumBatch, trace: request.trace)
        if case .unavailable(let reason) = core.exchange.availability { throw GatewayError(.unavailable, reason) }
        try await core.bulk.publish(records, deadline: deadline)
        var response = ByteBuffer()
        response.writeStaticString("{\"ids\":[")
        for (index, record) in records.enumerated() {
            if index > 0 { response.writeStaticString(",") }
            response.writeJSON(string: record.id)
        }
        response.writeStaticString("]}")
        return Response(.accepted, type: ContentType.json, body: response)
    }
}

/// Reads `{"text":"…","id":"…","key":"…"}` or `{"sentences":[…]}` with such objects.
enum BulkBodies {
    static func records(
        _ body: ByteBuffer, rules: SentenceRules, maximum: Int, trace: CallerTrace?
    ) throws(GatewayError) -> [BulkRecord] {
        var many: [Result<BulkRecord, GatewayError>]?
        var single = Fields()
        var isTooMany = false
        let isObject = try RequestBodies.read(body) { reader throws(JSONError) in
            guard try reader.peek() == .object else {
                try reader.skip()
                return false
            }
            try reader.beginObject()
            while let key = try reader.nextKey() {
                guard key.equals("sentences"), try reader.peek() == .array else {
                    try single.read(key, &reader, rules)
                    continue
                }
                var records: [Result<BulkRecord, GatewayError>] = []
                try reader.beginArray()
                while try reader.nextElement() {
                    if records.count == maximum { isTooMany = true }
                    let record = try record(&reader, rules, trace)
                    if !isTooMany { records.append(record) }
                }
                many = records
            }
            return true
        }
        if !isObject { throw GatewayError(.malformedJSON, "the body must be an object") }
        guard let many else { return [try single.record(trace).get()] }
        if many.isEmpty || isTooMany { throw .batchSize(maximum) }
        var records: [BulkRecord] = []
        records.reserveCapacity(many.count)
        for (index, record) in many.enumerated() {
            do throws(GatewayError) {
                records.append(try record.get())
            } catch {
                throw GatewayError(error.code, "sentence \(index): \(error.detail)")
            }
        }
        return records
    }

    private static func record(
        _ reader: inout JSONReader, _ rules: SentenceRules, _ trace: CallerTrace?
    ) throws(JSONError) -> Result<BulkRecord, GatewayError> {
        guard try reader.peek() == .object else {
            try reader.skip()
            return .failure(GatewayError(.missingText, "not an object with text"))
        }
        var fields = Fields()
        try reader.beginObject()
        while let key = try reader.nextKey() { try fields.read(key, &reader, rules) }
        return fields.record(trace)
    }

    /// The fields of one object, as far as they have been read.
    private struct Fields {
        var sentence = Result<Sentence, GatewayError>.failure(
            GatewayError(.missingText, "the object has no string in text"))
        var id: String?
        var key: String?
        var problem: GatewayError?

        mutating func read(
            _ name: UnsafeRawBufferPointer, _ reader: inout JSONReader, _ rules: SentenceRules
        ) throws(JSONError) {
            if name.equals("text"), try reader.peek() == .string {
                let text = try reader.string()
                do throws(GatewayError) {
                    sentence = .success(try rules.sentence(copying: text))
                } catch {
                    sentence = .failure(error)
                }
            } else if name.equals("id") {
                id = try string("id", &reader)
            } else if name.equals("key") {
                key = try string("key", &reader)
            } else {
                try reader.skip()
            }
        }

        private mutating func string(_ name: String, _ reader: inout JSONReader) throws(JSONError) -> String? {
            switch try reader.peek() {
            case .string:
                return try reader.string().text
            case .null:
                try reader.skip()
            default:
                problem = GatewayError(.invalidParameter, "\(name) must be a string")
                try reader.skip()
            }
            return nil
        }

        func record(_ trace: CallerTrace?) -> Result<BulkRecord, GatewayError> {
            if let problem { return .failure(problem) }
            return sentence.map { BulkRecord(id: id ?? RequestID.fresh(), sentence: $0, key: key, trace: trace) }
        }
    }
}
