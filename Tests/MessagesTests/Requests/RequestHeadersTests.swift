import Messages
import Testing

@Suite("Headers of requests")
struct RequestHeadersTests {
    @Test("each is found, whatever its case, and the last of several counts")
    func finds() {
        let headers: [(String, [UInt8]?)] = [
            ("kafka_correlationId", [0, 255, 7]), ("kafka_replyTopic", Array("first".utf8)),
            ("KAFKA_REPLYTOPIC", Array("replies".utf8)), ("kafka_replyPartition", [0, 0, 1, 2]),
            ("triage-deadline", Array("1795468470900".utf8)), ("traceparent", Array("00-x".utf8)),
            ("Tracestate", Array("a=b".utf8)), ("Content-Type", Array("text/plain".utf8)),
            ("content-typo", Array("x".utf8)), ("kafka_replyTopix", Array("x".utf8)), ("", Array("x".utf8)),
        ]
        withHeaders(headers) { headers in
            #expect(headers.echoed.correlationID.map(Array.init) == [0, 255, 7])
            #expect(headers.replyTopic?.text == "replies")
            #expect(headers.echoed.replyPartition == 258)
            #expect(headers.deadline == 1_795_468_470_900)
            #expect(headers.echoed.traceparent?.text == "00-x")
            #expect(headers.echoed.tracestate?.text == "a=b")
            #expect(headers.contentType?.text == "text/plain")
            #expect(headers.eventSpecVersion == nil)
        }
    }

    @Test("what cannot be read counts as absent")
    func ignores() {
        let headers: [(String, [UInt8]?)] = [
            ("kafka_correlationId", nil), ("kafka_replyPartition", [1, 2, 3]), ("triage-deadline", Array("soon".utf8)),
            ("ce_id", [0xFF]), ("ce_expirytime", Array("yesterday".utf8)),
        ]
        withHeaders(headers) { headers in
            #expect(headers.echoed.correlationID == nil)
            #expect(headers.echoed.replyPartition == nil)
            #expect(headers.deadline == nil)
            #expect(headers.eventID == nil)
        }
        withHeaders([("kafka_replyPartition", [0xFF, 0xFF, 0xFF, 0xFF])]) { #expect($0.echoed.replyPartition == nil) }
    }

    @Test("an event's expiry is the deadline where there is no other")
    func expiry() {
        let expiry: (String, [UInt8]?) = ("ce_expirytime", Array("2026-01-02T03:04:05Z".utf8))
        withHeaders([expiry]) { #expect($0.deadline == 1_767_323_045_000) }
        withHeaders([expiry, ("triage-deadline", [0x35])]) { #expect($0.deadline == 5) }
    }

    @Test("reset forgets all")
    func resets() {
        withHeaders([("kafka_correlationId", [1]), ("triage-deadline", [0x35])]) { headers in
            var headers = headers
            headers.reset()
            #expect(headers.echoed.correlationID == nil)
            #expect(headers.deadline == nil)
        }
    }

    @Test(
        "trace parents of W3C",
        arguments: [
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true),
            ("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", true),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", false),
            ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false),
            ("00-00000000000000000000000000000000-b7ad6b7169203331-01", false),
            ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false),
            ("00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false), ("", false),
            ("00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false),
        ])
    func traceParents(value: String, isValid: Bool) {
        #expect(withBytes(of: value) { TraceContext.isValid(traceparent: $0) } == isValid)
    }
}
