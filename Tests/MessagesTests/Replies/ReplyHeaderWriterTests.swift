import Messages
import Testing

@Suite("Headers of replies and dead letters")
struct ReplyHeaderWriterTests {
    private let writer = ReplyHeaderWriter(eventSource: "/triage/worker-1")

    /// The headers of the reply to a request.
    private func reply(
        to value: String, headers: [(String, [UInt8]?)], status: ErrorCode? = nil
    ) -> [(name: String, value: [UInt8])] {
        var written: [(name: String, value: [UInt8])] = []
        let decoder = RequestDecoder()
        defer { withExtendedLifetime(decoder) {} }
        withBytes(of: "sentences") { topic in
            withBytes(of: value) { value in
                withHeaders(headers) { headers in
                    let request = decoder.decode(value: value, headers: headers)
                    writer.writeReply(
                        echoing: headers.echoed, id: request.id, isCloudEvent: request.isCloudEvent,
                        source: RecordSource(topic: topic, partition: 7, offset: 1_234_567), status: status,
                        now: 1_767_323_045_678
                    ) { written.append((name: "\($0)", value: Array($1))) }
                }
            }
        }
        return written
    }

    private func text(_ headers: [(name: String, value: [UInt8])], _ name: String) -> String? {
        headers.first { $0.name == name }.map { String(decoding: $0.value, as: UTF8.self) }
    }

    @Test("a reply says what it is, how it went and where the request lies")
    func plain() {
        let headers = reply(to: #"{"text":"a"}"#, headers: [])
        #expect(headers.map(\.name) == ["content-type", "triage-status", "triage-source"])
        #expect(text(headers, "content-type") == "application/json")
        #expect(text(headers, "triage-status") == "ok")
        #expect(text(headers, "triage-source") == "sentences/7/1234567")
        #expect(text(reply(to: "", headers: [], status: .malformedJSON), "triage-status") == "malformed_json")
    }

    @Test("what is to be echoed is, byte for byte, and the address is not")
    func echoes() {
        let headers = reply(
            to: #"{"text":"a"}"#,
            headers: [
                ("kafka_correlationId", [0, 1, 254, 255]), ("kafka_replyTopic", [0x61]),
                ("kafka_replyPartition", [0, 0, 0, 1]), ("traceparent", [0x62]), ("tracestate", []), ("other", [0x63]),
            ])
        #expect(headers.first { $0.name == "kafka_correlationId" }?.value == [0, 1, 254, 255])
        #expect(headers.first { $0.name == "traceparent" }?.value == [0x62])
        #expect(headers.first { $0.name == "tracestate" }?.value == [])
        #expect(headers.count == 6)
    }

    @Test("the reply to a CloudEvent is one")
    func cloudEvents() {
        let binary: [(String, [UInt8]?)] = [("ce_specversion", Array("1.0".utf8)), ("ce_id", Array("e-1".utf8))]
        let first = reply(to: #"{"text":"a"}"#, headers: binary)
        #expect(text(first, "ce_specversion") == "1.0")
        #expect(text(first, "ce_type") == "triage.classification.v1")
        #expect(text(first, "ce_source") == "/triage/worker-1")
        #expect(text(first, "ce_time") == "2026-01-02T03:04:05.678Z")
        #expect(text(first, "ce_causationid") == "e-1")
        let failed = reply(to: "", headers: [binary[0]], status: .malformedJSON)
        #expect(text(failed, "ce_type") == "triage.error.v1")
        #expect(text(failed, "ce_causationid") == "sentences/7/1234567")
    }

    @Test("ids of events are UUIDs of version 4, and all different")
    func eventIDs() throws {
        let pattern = try Regex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
        var seen: Set<String> = []
        for _ in 0..<500 {
            let headers = reply(to: #"{"text":"a"}"#, headers: [("ce_specversion", Array("1.0".utf8))])
            let id = try #require(text(headers, "ce_id"))
            #expect(try pattern.wholeMatch(in: id) != nil)
            seen.insert(id)
        }
        #expect(seen.count == 500)
    }

    @Test("a dead letter says where it came from, who gave it up, and why")
    func deadLetters() {
        var written: [String: String] = [:]
        withBytes(of: "sentences") { topic in
            writer.writeDeadLetter(
                source: RecordSource(topic: topic, partition: 0, offset: .max), group: "triage", code: .emptyText,
                message: "the text is empty"
            ) { written["\($0)"] = $1.text }
        }
        #expect(
            written == [
                "__dlq.errors.topic": "sentences", "__dlq.errors.partition": "0",
                "__dlq.errors.offset": "9223372036854775807", "__dlq.errors.group": "triage",
                "__dlq.errors.code": "empty_text", "__dlq.errors.message": "the text is empty",
            ])
    }
}
