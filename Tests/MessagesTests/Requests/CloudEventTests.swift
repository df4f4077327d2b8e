import Messages
import Platform
import Testing

@Suite("CloudEvents")
struct CloudEventTests {
    private let structured: KeyValuePairs = ["content-type": "application/cloudevents+json; charset=utf-8"]

    private func event(_ rest: String) -> String {
        #"{"specversion":"1.0","id":"e-1","source":"/app","type":"com.example.asked","# + rest + "}"
    }

    @Test("structured, with an object, a sentence, or either in Base64")
    func structuredData() {
        let expected = Outcome(text: "bonjour", id: "e-1", isCloudEvent: true)
        for data in [
            #""data":{"text":"bonjour"}"#, #""data":"bonjour""#, #""datacontenttype":"text/plain","data":"bonjour""#,
            #""data":"bonjour","datacontenttype":"text/plain""#,
            #""datacontenttype":"application/json","data":{"text":"bonjour"}"#,
            #""datacontenttype":"text/plain","data_base64":"Ym9uam91cg==""#,
            #""datacontenttype":"application/vnd.x+json; a=b","data":{"text":"bonjour"}"#,
            #""datacontenttype":"text/json","data_base64":"eyJ0ZXh0IjoiYm9uam91ciJ9""#,
            #""data":"no","data":{"text":"bonjour"}"#, #""expirytime":7,"data":"bonjour""#,
            #""data_base64":"eyJ0ZXh0IjoiYm9uam91ciJ9""#, #""data":null,"data_base64":"eyJ0ZXh0IjoiYm9uam91ciJ9""#,
        ] {
            #expect(decode(event(data), headers: structured) == expected)
        }
    }

    @Test("the data's id comes before the event's")
    func ids() {
        #expect(decode(event(#""data":{"text":"a","id":"r-1"}"#), headers: structured).id == "r-1")
        let binary: KeyValuePairs = ["ce_specversion": "1.0", "ce_id": "e-2"]
        #expect(decode(#"{"text":"a"}"#, headers: binary).id == "e-2")
        #expect(decode(#"{"text":"a","id":"r-2"}"#, headers: binary).id == "r-2")
        #expect(decode("{", headers: binary).id == "e-2")
        #expect(decode(#"{"text":"a"}"#, headers: ["ce_id": "e-3"]).id == nil)
        for (id, expected) in [("7", "7"), (#""""#, nil), ("{}", nil), ("true", nil)] {
            let event = #"{"specversion":"1.0","id":\#(id),"data":"a"}"#
            #expect(decode(event, headers: structured) == Outcome(text: "a", id: expected, isCloudEvent: true))
        }
    }

    @Test(
        "structured events that cannot be read",
        arguments: [
            (#"{"id":"e","data":{"text":"a"}}"#, .malformedJSON),
            (#"{"specversion":"0.3","data":{"text":"a"}}"#, .unsupportedContentType),
            (#"{"specversion":1.0,"data":{"text":"a"}}"#, .malformedJSON), (#"{"specversion":"1.0"}"#, .missingText),
            (#"{"specversion":"1.0","data":null}"#, .missingText), (#"{"specversion":"1.0","data":7}"#, .missingText),
            (#"{"specversion":"1.0","data":{}}"#, .missingText), (#"{"specversion":"1.0","data":" "}"#, .emptyText),
            (#"{"specversion":"1.0","datacontenttype":"application/json","data":"a"}"#, .missingText),
            (#"{"specversion":"1.0","datacontenttype":"text/plain","data":{"text":"a"}}"#, .missingText),
            (#"{"specversion":"1.0","datacontenttype":"text/html","data":"a"}"#, .unsupportedContentType),
            (#"{"specversion":"1.0","datacontenttype":7,"data":"a"}"#, .malformedJSON),
            (#"{"specversion":"1.0","specversion":"0.3","data":"a"}"#, .unsupportedContentType),
            (#"{"specversion":"1.0","datacontenttype":"text/json;charset=x","data":{}}"#, .unsupportedContentType),
            (
                #"{"specversion":"1.0","datacontenttype":"application/cloudevents+json","data":{}}"#,
                .unsupportedContentType
            ),
            (#"{"specversion":"1.0","data_base64":"Ym9u!"}"#, .malformedJSON),
            (#"{"specversion":"1.0","data_base64":"Y"}"#, .malformedJSON),
            (#"{"specversion":"1.0","data_base64":"Ym9uam91cg="}"#, .malformedJSON),
            (#"{"specversion":"1.0","datacontenttype":"text/plain","data_base64":"wyg="}"#, .invalidUTF8),
            (#"{"specversion":"1.0","data_base64":"wyg="}"#, .invalidUTF8), ("{", .malformedJSON),
        ] as [(String, ErrorCode)])
    func refusals(event: String, code: ErrorCode) {
        let outcome = decode(event, headers: structured)
        #expect(outcome.code == code)
        #expect(outcome.isCloudEvent)
    }

    @Test("the expiry time of an event is its deadline")
    func expiry() {
        let structuredEvent = event(#""expirytime":"2026-01-02T03:04:05.5Z","data":"a""#)
        #expect(decode(structuredEvent, headers: structured).deadline == 1_767_323_045_500)
        let binary: KeyValuePairs = ["ce_specversion": "1.0", "ce_expirytime": "2026-01-02T04:04:05.5+01:00"]
        #expect(decode(#"{"text":"a"}"#, headers: binary).deadline == 1_767_323_045_500)
    }

    @Test("binary, by its headers, with the content type of its data")
    func binary() {
        let json: KeyValuePairs = ["ce_specversion": "1.0", "ce_id": "e-1", "ce_source": "/app", "ce_type": "t"]
        #expect(decode(#"{"text":"a"}"#, headers: json) == Outcome(text: "a", id: "e-1", isCloudEvent: true))
        let plain: KeyValuePairs = ["ce_specversion": "1.0", "content-type": "text/plain; charset=utf-8"]
        #expect(decode("a", headers: plain) == Outcome(text: "a", isCloudEvent: true))
        let old: KeyValuePairs = ["ce_specversion": "0.3", "ce_id": "e-1"]
        #expect(decode(#"{"text":"a"}"#, headers: old).code == .unsupportedContentType)
    }

    @Test(
        "timestamps of RFC 3339",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01T01:00:00+01:00", 0), ("1969-12-31T20:30:00.001-03:30", 1),
            ("2000-02-29T23:59:59.999999Z", 951_868_799_999), ("2026-01-02t03:04:05.6z", 1_767_323_045_600),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000), ("0001-01-01T00:00:00Z", -62_135_596_800_000),
            ("2026-01-02T03:04:05", nil), ("2026-01-02T03:04:05.Z", nil), ("2026-13-02T03:04:05Z", nil),
            ("2026-02-29T03:04:05Z", nil), ("1900-02-29T03:04:05Z", nil), ("2026-01-02T24:04:05Z", nil),
            ("2026-01-02 03:04:05Z", nil), ("2026-01-02T03:04:05+0100", nil), ("26-01-02T03:04:05Z", nil), ("", nil),
            ("2026-01-02T03:04:05Zx", nil), ("2026-01-0aT03:04:05Z", nil),
        ] as [(String, Int64?)])
    func timestamps(text: String, milliseconds: Int64?) {
        #expect(withBytes(of: text) { Timestamp.milliseconds(of: $0) } == milliseconds)
    }
}
