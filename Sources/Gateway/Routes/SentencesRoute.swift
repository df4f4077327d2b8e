import HTTPServer
import Messages
import NIOCore
import NIOHTTP1

/// `POST /v1/sentences`: publishes to the bulk lane. The answers go to the topic `classifications`, not to the caller.
struct SentencesRoute {
    let core: GatewayCore

    var endpoints: [Endpoint] { [Endpoint(.POST, "/v1/sentences", .task(publish), check: check)] }

    @Sendable
    private func check(_ request: Request) throws(GatewayError) {
        try request.requireContentType([ContentType.json, ContentType.event])
    }

    @Sendable
    private func publish(_ request: Request) async throws(GatewayError) -> Response {
        let deadline = try request.deadline(default: core.configuration.requestTimeout)
        let records = try BulkBodies.records(
            request, rules: core.rules, maximum: core.configuration.maximumBatch)
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

/// Reads `{"text":"…","id":"…","key":"…"}`, `{"sentences":[…]}` with such objects, or a CloudEvent with one of them.
enum BulkBodies {
    static func records(
        _ request: Request, rules: SentenceRules, maximum: Int
    ) throws(GatewayError) -> [BulkRecord] {
        let reader = BulkReader(rules: rules, maximum: maximum, trace: request.trace)
        if request.isEvent { return [try reader.event(request).get()] }
        let body = try RequestBodies.read(request.body) { json throws(JSONError) in try reader.body(&json) }
        if let problem = body.problem { throw problem }
        var records: [BulkRecord] = []
        records.reserveCapacity(body.records.count)
        for (index, record) in body.records.enumerated() {
            do throws(GatewayError) {
                records.append(try record.get())
            } catch {
                throw body.isMany ? GatewayError(error.code, "sentence \(index): \(error.detail)") : error
            }
        }
        return records
    }
}

private struct BulkReader {
    struct Body {
        var records: [Result<BulkRecord, GatewayError>]
        /// Whether the records came in an array, so that errors need an index.
        var isMany: Bool
        /// A problem of the whole request.
        var problem: GatewayError?
    }

    let rules: SentenceRules
    let maximum: Int
    let trace: CallerTrace?

    /// A CloudEvent whose data is one sentence.
    func event(_ request: Request) -> Result<BulkRecord, GatewayError> {
        request.withRecordHeaders { headers in
            RequestBodies.decode(request.body, headers, rules, readsKey: true) { request, fields in
                record(AskedSentence(request), fields, deadline: request.deadline)
            }
        }
    }

    /// Reads the object of a JSON body.
    func body(_ json: inout JSONReader) throws(JSONError) -> Body {
        var many: Body?
        var single = RequestFields(readsKey: true)
        try json.beginObject()
        while let name = try json.nextKey() {
            guard name.equals("sentences") else {
                try single.read(name, from: &json)
                continue
            }
            if try json.peek() == .array {
                many = try elements(&json)
            } else {
                many = nil
                try json.skip()
            }
        }
        return many ?? Body(records: [record(single)], isMany: false)
    }

    private func elements(_ json: inout JSONReader) throws(JSONError) -> Body {
        var body = Body(records: [], isMany: true)
        try json.beginArray()
        while try json.nextElement() {
            let record = try element(&json)
            if body.records.count < maximum { body.records.append(record) } else { body.problem = .batchSize(maximum) }
        }
        if body.records.isEmpty { body.problem = .batchSize(maximum) }
        return body
    }

    private func element(_ json: inout JSONReader) throws(JSONError) -> Result<BulkRecord, GatewayError> {
        guard try json.peek() == .object else {
            try json.skip()
            return .failure(GatewayError(.missingText, "not an object with a field \"text\""))
        }
        var fields = RequestFields(readsKey: true)
        try json.beginObject()
        while let name = try json.nextKey() { try fields.read(name, from: &json) }
        return record(fields)
    }

    private func record(_ fields: RequestFields) -> Result<BulkRecord, GatewayError> {
        let outcome = Result { () throws(RequestFailure) in Sentence([UInt8](try fields.sentence(rules))) }
        let asked = AskedSentence(outcome: outcome.mapError { GatewayError($0) }, id: fields.id?.text)
        return record(asked, fields)
    }

    private func record(
        _ asked: AskedSentence, _ fields: RequestFields, deadline: Int64? = nil
    ) -> Result<BulkRecord, GatewayError> {
        var key: String?
        switch fields.key {
        case .absent: break
        case .value(let bytes): key = bytes.text
        case .invalid: return .failure(GatewayError(.invalidParameter, "\"key\" must be a string or a number"))
        }
        return asked.outcome.map { sentence in
            BulkRecord(
                id: asked.id ?? RequestID.fresh(), sentence: sentence, key: key, trace: trace, deadline: deadline)
        }
    }
}
