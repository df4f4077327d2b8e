import Foundation
import Messages
import Testing

/// Holds the schemas and the code to what version 1 has promised (`schemas/compatibility.json`).
@Suite("Compatibility")
struct CompatibilityTests {
    private func promised() throws -> [String: Any] { try Schemas.object("compatibility.json") }

    private func promisedList(_ key: String) throws -> [String] {
        try Schemas.unwrap(try promised()[key] as? [String], "compatibility.json has no list \(key)")
    }

    /// The required and the known fields of an object's schema.
    private func fields(of schema: [String: Any]) throws -> (required: Set<String>, known: [String: Any]) {
        let known = try Schemas.unwrap(schema["properties"] as? [String: Any], "the schema has no properties")
        return (Set(schema["required"] as? [String] ?? []), known)
    }

    @Test("requests need no more than they did, and know what they knew")
    func requests() throws {
        let request = try Schemas.unwrap(try promised()["request"] as? [String: [String]], "no request")
        let required = Set(request["required"] ?? [])
        let schema = try fields(of: try Schemas.object("request.schema.json"))
        #expect(schema.required.isSubset(of: required))
        #expect(Set(schema.known.keys).isSuperset(of: required.union(request["optional"] ?? [])))
        #expect(decode(#"{"text":"bonjour"}"#).text == "bonjour")
        #expect(decode(#"{"text":"bonjour","id":"1"}"#).id == "1")
    }

    @Test("replies have every promised field, of its type")
    func replies() throws {
        let promise = try Schemas.unwrap(try promised()["reply"] as? [String: String], "no reply")
        let json = try Schemas.unwrap(
            encode(ReplyEncoder(model: "m@0123456789ab", labels: ["a", "b"]), id: "1", [0.5, 0.5]), "no reply")
        try check(json, against: promise, schema: try Schemas.object("reply.schema.json"))
    }

    @Test("flat and enriched replies have every promised field, of its type")
    func otherFormats() throws {
        for (format, sample) in [
            ("flatReply", "flat-reply/valid/sure.json"), ("enrichedReply", "enriched-reply/valid/object.json"),
        ] {
            let promise = try Schemas.unwrap(try promised()[format] as? [String: String], "no \(format)")
            // The samples are what the encoder writes. All but one field of an enriched reply are the request's.
            var written = try Schemas.object("samples/\(sample)")
            if format == "enrichedReply" { written = written.filter { $0.key == "classification" } }
            let json = String(decoding: try JSONSerialization.data(withJSONObject: written), as: UTF8.self)
            let schema = sample.prefix { $0 != "/" }
            try check(json, against: promise, schema: try Schemas.object("\(schema).schema.json"))
        }
    }

    @Test("error replies have every promised field, of its type")
    func errors() throws {
        let promise = try Schemas.unwrap(try promised()["error"] as? [String: String], "no error")
        let arena = ByteArena()
        let encoder = ReplyEncoder(model: "m@0123456789ab", labels: ["a"])
        let range = withBytes(of: "1") {
            encoder.encodeError(id: $0, code: .emptyText, message: "the text is empty", into: arena)
        }
        try check(arena.bytes(in: range).text, against: promise, schema: try Schemas.object("error.schema.json"))
    }

    /// Checks what was written against the promise and the schema: nothing promised is missing or of another type,
    /// nothing required by the schema is missing, and nothing is written that the schema does not know.
    private func check(_ json: String, against promise: [String: String], schema: [String: Any]) throws {
        let written = try flattened(
            try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any] ?? [:], schema)
        for (field, type) in promise { #expect(written[field] == type, "\(field) is no \(type) any more") }
    }

    /// Fields with their types, those of inner objects that have a schema as `outer.inner`.
    private func flattened(_ object: [String: Any], _ schema: [String: Any]) throws -> [String: String] {
        let (required, known) = try fields(of: schema)
        #expect(required.isSubset(of: object.keys), "the encoder does not write all that the schema requires")
        var types: [String: String] = [:]
        for (name, value) in object {
            let field = try Schemas.unwrap(known[name] as? [String: Any], "the schema does not know \(name)")
            #expect(required.contains(name), "\(name) is written always, but not required")
            switch value {
            case is String: types[name] = "string"
            case let inner as [String: Any]:
                types[name] = "object"
                guard field["properties"] != nil else { continue }
                for (path, type) in try flattened(inner, field) { types["\(name).\(path)"] = type }
            case is NSNumber: types[name] = "number"
            default: types[name] = "\(type(of: value))"
            }
        }
        return types
    }

    @Test("error codes: none is gone, and the schema and the description of the topics know all of them")
    func errorCodes() throws {
        let codes = Set(ErrorCode.allCases.map(\.rawValue))
        #expect(codes.isSuperset(of: try promisedList("errorCodes")))
        let schema = try Schemas.object("error.schema.json")
        let error = try fields(of: schema).known["error"] as? [String: Any]
        let code = try fields(of: try Schemas.unwrap(error, "no error")).known["code"] as? [String: Any]
        #expect(Set(code?["enum"] as? [String] ?? []) == codes)
    }

    @Test("headers: none is gone, and the description of the topics has all of them")
    func headers() throws {
        let names = Set(
            [
                HeaderName.contentType, HeaderName.correlationID, HeaderName.replyTopic, HeaderName.replyPartition,
                HeaderName.deadline, HeaderName.traceparent, HeaderName.tracestate, HeaderName.status,
                HeaderName.source,
                HeaderName.eventSpecVersion, HeaderName.eventID, HeaderName.eventSource, HeaderName.eventType,
                HeaderName.eventTime, HeaderName.eventExpiryTime, HeaderName.eventCausationID,
                HeaderName.deadLetterTopic, HeaderName.deadLetterPartition, HeaderName.deadLetterOffset,
                HeaderName.deadLetterGroup, HeaderName.deadLetterMessage, HeaderName.deadLetterCode, HeaderName.label,
                HeaderName.confidence,
            ].map { "\($0)" })
        let promised =
            try promisedList("requestHeaders") + promisedList("replyHeaders") + promisedList("optionalReplyHeaders")
            + promisedList("deadLetterHeaders")
        #expect(names.isSuperset(of: promised))
        let description = try Schemas.text("asyncapi.yaml")
        for name in names {
            #expect(description.contains("        \(name):\n"), "asyncapi.yaml does not describe \(name)")
        }
    }

    @Test("replies to a full request have every promised header and no other, and dead letters theirs")
    func writtenHeaders() throws {
        var reply: Set<String> = []
        var deadLetter: Set<String> = []
        let writer = ReplyHeaderWriter(eventSource: "/triage/worker")
        let given = ["kafka_correlationId", "traceparent", "tracestate", "ce_id", "ce_specversion"]
        withBytes(of: "sentences") { topic in
            let source = RecordSource(topic: topic, partition: 3, offset: 42)
            withHeaders(given.map { ($0, Array("1.0".utf8)) }) { headers in
                let request = RequestDecoder().decode(value: nil, headers: headers)
                writer.writeReply(
                    echoing: headers.echoed, id: request.id, isCloudEvent: request.isCloudEvent, source: source,
                    status: nil, now: 0
                ) { name, _ in reply.insert("\(name)") }
            }
            writer.writeDeadLetter(source: source, group: "triage", code: .emptyText, message: "m") { name, _ in
                deadLetter.insert("\(name)")
            }
        }
        #expect(reply == Set(try promisedList("replyHeaders")))
        #expect(deadLetter == Set(try promisedList("deadLetterHeaders")))
    }

    @Test("content types and types of events are still those")
    func types() throws {
        for type in try promisedList("contentTypes") {
            let value =
                type.hasPrefix("text/") ? "bonjour" : #"{"specversion":"1.0","text":"bonjour","data":"bonjour"}"#
            #expect(decode(value, headers: ["content-type": type]).text == "bonjour")
        }
        let types = ["\(HeaderValue.classificationType)", "\(HeaderValue.errorType)"]
        #expect(Set(types).isSuperset(of: try promisedList("eventTypes")))
    }
}
