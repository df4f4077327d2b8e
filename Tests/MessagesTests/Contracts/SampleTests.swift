import Foundation
import Messages
import Testing

@Suite("The samples of schemas/")
struct SampleTests {
    private let event: [(String, [UInt8]?)] = [("content-type", Array("application/cloudevents+json".utf8))]

    @Test("valid requests are decoded as Foundation decodes them", arguments: Schemas.samples("request/valid"))
    func validRequests(path: String) throws {
        let bytes = try Schemas.bytes(path)
        let expected = try #require(FoundationRequest(bytes))
        #expect(decode(bytes) == Outcome(text: expected.text, id: expected.id))
    }

    @Test(
        "requests that are wrong are refused with the code that the sample's name starts with",
        arguments: Schemas.samples("request/invalid") + Schemas.samples("request/unreadable"))
    func invalidRequests(path: String) throws {
        #expect(decode(try Schemas.bytes(path)).code?.rawValue == code(of: path))
    }

    @Test("valid structured CloudEvents are decoded", arguments: Schemas.samples("cloudevent-request/valid"))
    func validEvents(path: String) throws {
        let outcome = decode(try Schemas.bytes(path), headers: event)
        #expect(outcome.text == "je cherche un hôtel")
        #expect(outcome.id == (path.hasSuffix("/object.json") ? "order-17" : "7f9c1e"))
        #expect(outcome.deadline == (path.hasSuffix("/expiring.json") ? 1_767_319_475_250 : nil))
        #expect(outcome.isCloudEvent)
    }

    @Test("structured CloudEvents that are wrong", arguments: Schemas.samples("cloudevent-request/invalid"))
    func invalidEvents(path: String) throws {
        #expect(decode(try Schemas.bytes(path), headers: event).code?.rawValue == code(of: path))
    }

    @Test("valid replies are what the encoder writes, byte for byte")
    func validReplies() throws {
        let eight = ReplyEncoder(
            model: "starter@0123456789ab",
            labels: [
                "find-around-me", "find-flight", "find-hotel", "find-restaurant", "find-train", "irrelevant",
                "provide-showtimes", "purchase",
            ])
        let seasons = ReplyEncoder(model: "saisons@0123456789ab", labels: ["été", "a \"b\""])
        let written = [
            "samples/reply/valid/eight-classes.json": encode(
                eight, id: "order-17", [0.01, 0.02, 0.912345, 0.03, 0.007655, 0.01, 0.005, 0.005]),
            "samples/reply/valid/without-id.json": encode(seasons, id: nil, [1, 0]),
            "samples/reply/valid/unsure.json": encode(
                ReplyEncoder(
                    model: "starter@0123456789ab", labels: ["find-hotel", "purchase"], unsure: UnsureRule(below: 0.7)),
                id: "order-17", [0.4, 0.6]),
            "samples/reply/valid/top.json": encode(
                ReplyEncoder(model: "starter@0123456789ab", labels: ["find-hotel", "find-train", "purchase"], top: 2),
                id: "order-17", [0.5, 0.2, 0.3]),
            "samples/reply/valid/stage.json": encode(
                ReplyEncoder(model: "starter@0123456789ab", labels: ["find-hotel", "purchase"]), id: "order-17",
                [0.4, 0.6], stage: .encoder),
        ]
        #expect(Set(Schemas.samples("reply/valid")) == Set(written.keys))
        for (path, reply) in written { #expect(reply.map { $0 + "\n" } == (try Schemas.text(path))) }
    }

    @Test("valid error replies are what the encoder writes, byte for byte")
    func validErrors() throws {
        let encoder = ReplyEncoder(model: "m@0123456789ab", labels: ["a"])
        func reply(to json: String) -> String {
            let outcome = decode(json)
            let arena = ByteArena()
            let range = withBytes(of: "sentences") { topic in
                let source = RecordSource(topic: topic, partition: 3, offset: 42)
                func encode(_ id: UnsafeRawBufferPointer?) -> Range<Int> {
                    encoder.encodeError(
                        id: id, source: source, code: outcome.code ?? .classifierFailed, message: outcome.message ?? "",
                        into: arena)
                }
                guard let id = outcome.id else { return encode(nil) }
                return withBytes(of: id) { encode($0) }
            }
            return arena.bytes(in: range).text + "\n"
        }
        let written = [
            "samples/error/valid/missing-text.json": reply(to: #"{"id":"order-17"}"#),
            "samples/error/valid/without-id.json": reply(to: #"{"text":"bonjour""#),
        ]
        #expect(Set(Schemas.samples("error/valid")) == Set(written.keys))
        for (path, reply) in written { #expect(reply == (try Schemas.text(path))) }
    }

    @Test("replies and error replies are told apart, and what is neither is malformed")
    func decodesReplies() throws {
        let decoder = ReplyDecoder()
        for path in Schemas.samples("reply/valid") + Schemas.samples("error/valid") + Schemas.samples("reply/invalid") {
            let value = try Schemas.bytes(path)
            withBytes(of: value) { bytes in
                switch decoder.decode(value: bytes).content {
                case .classification: #expect(path.contains("/reply/"))
                case .failure: #expect(path.contains("/error/") || path.hasSuffix("/with-error.json"))
                case .malformed: #expect(path.contains("/invalid/no-") || path.hasSuffix("/number-as-id.json"))
                }
            }
        }
    }

    @Test("whole records, with the headers of their replies", arguments: Schemas.samples("records"))
    func records(path: String) throws {
        let sample = try Schemas.object(path)
        let given = try Schemas.unwrap(sample["headers"] as? [String: String], "no headers")
        let expected = try Schemas.unwrap(sample["result"] as? [String: String], "no result")
        let headers: [(String, [UInt8]?)] = given.map { ($0.key, sampleBytes($0.value)) }
        let value = (sample["value"] as? String).map(sampleBytes)
        let outcome = decode(value, headers: headers)
        #expect(outcome.text == expected["text"])
        #expect(outcome.code?.rawValue == expected["code"])
        #expect(outcome.id == expected["id"])

        let promised = try Schemas.unwrap(sample["replyHeaders"] as? [String: String], "no reply headers")
        #expect(
            replyHeaders(value, headers) == promised.mapValues { $0 == "UUID" ? Array("UUID".utf8) : sampleBytes($0) })
    }

    /// The headers of the reply, with `UUID` for the id of its event.
    private func replyHeaders(_ value: [UInt8]?, _ headers: [(String, [UInt8]?)]) -> [String: [UInt8]] {
        var written: [String: [UInt8]] = [:]
        let writer = ReplyHeaderWriter(eventSource: "/triage/worker")
        let decoder = RequestDecoder()
        defer { withExtendedLifetime(decoder) {} }
        let status = decode(value, headers: headers).code
        withBytes(of: value ?? []) { bytes in
            withBytes(of: "sentences") { topic in
                withHeaders(headers) { headers in
                    let request = decoder.decode(value: value == nil ? nil : bytes, headers: headers)
                    writer.writeReply(
                        echoing: headers.echoed, id: request.id, isCloudEvent: request.isCloudEvent,
                        source: RecordSource(topic: topic, partition: 3, offset: 42), status: status,
                        now: 1_767_323_045_678
                    ) { name, value in
                        written["\(name)"] =
                            "\(name)" == "ce_id" && value.count == 36 ? Array("UUID".utf8) : Array(value)
                    }
                }
            }
        }
        return written
    }

    @Test("no folder of samples is empty")
    func folders() {
        for kind in ["request", "cloudevent-request", "reply", "flat-reply", "enriched-reply", "error"] {
            #expect(!Schemas.samples("\(kind)/valid").isEmpty)
            #expect(!Schemas.samples("\(kind)/invalid").isEmpty)
        }
        #expect(!Schemas.samples("request/unreadable").isEmpty)
        #expect(!Schemas.samples("records").isEmpty)
    }

    /// The code that a sample's name starts with.
    private func code(of path: String) -> String {
        String((path.split(separator: "/").last ?? "").prefix { $0 != "." })
    }
}
