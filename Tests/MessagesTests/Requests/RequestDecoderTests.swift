import Messages
import Testing

@Suite("Decoding requests")
struct RequestDecoderTests {
    @Test("text and id are found, in any order, among unknown fields")
    func readsObjects() {
        #expect(decode(#"{"text":"bonjour"}"#) == Outcome(text: "bonjour"))
        #expect(
            decode(#"{"x":{"text":1,"id":[]},"id":"a-1","y":[[]],"text":"d\u00e9j\u00e0 vu 😀"}"#)
                == Outcome(text: "déjà vu 😀", id: "a-1"))
        #expect(decode("\u{FEFF} {\"text\" : \"a\"}\r\n") == Outcome(text: "a"))
        #expect(decode(#"{"text":"a","id":""}"#) == Outcome(text: "a", id: ""))
    }

    @Test("of fields with one name the last counts, as in Python, Java and JavaScript")
    func duplicates() {
        #expect(decode(#"{"text":"a","text":"b","id":"1","id":2}"#) == Outcome(text: "b", id: "2"))
        #expect(decode(#"{"text":7,"text":"b"}"#) == Outcome(text: "b"))
        #expect(decode(#"{"text":"a","text":null}"#).message == "\"text\" must be a string")
    }

    @Test("the last is unescaped like an only one")
    func duplicatesWithEscapes() {
        #expect(decode(#"{"text":"\u00e9\u00e9\u00e9","text":"\u00e0"}"#) == Outcome(text: "à"))
        #expect(decode(#"{"text":"a","text":"\u00e0","id":"\u00e8"}"#) == Outcome(text: "à", id: "è"))
    }

    @Test(
        "each code, for each reason",
        arguments: [
            ("", .malformedJSON), ("nonsense", .malformedJSON), (#"{"text":"a""#, .malformedJSON),
            (#"{"text":"a",}"#, .malformedJSON), (#"{"text":"a"} {}"#, .malformedJSON), ("[]", .malformedJSON),
            (#""text""#, .malformedJSON), ("null", .malformedJSON), (#"{"text":"\ud800"}"#, .malformedJSON),
            (#"{"text":"a","x":01}"#, .malformedJSON), (#"{"text":"a","id":07}"#, .malformedJSON),
            (#"{"text":"a","id":{}"#, .malformedJSON), ("{}", .missingText), (#"{"id":"1"}"#, .missingText),
            (#"{"text":null}"#, .missingText), (#"{"text":["a"]}"#, .missingText), (#"{"Text":"a"}"#, .missingText),
            (#"{"text":""}"#, .emptyText), (#"{"text":" \t\r\n"}"#, .emptyText),
            (#"{"text":"\u00a0\u2003\u3000\u2028\u205f\u1680\u0085"}"#, .emptyText),
        ] as [(String, ErrorCode)])
    func codes(json: String, code: ErrorCode) {
        let outcome = decode(json)
        #expect(outcome.code == code)
        #expect(outcome.text == nil)
    }

    @Test("an id is a string or a number as it stands, anything else is none, and a failure keeps it")
    func ids() {
        for other in ["null", "true", "{}", #"["7"]"#] {
            #expect(decode(#"{"text":"a","id":\#(other)}"#) == Outcome(text: "a"))
        }
        for number in ["7", "-0.50", "1e3", "12345678901234567890"] {
            #expect(decode(#"{"text":"a","id":\#(number)}"#) == Outcome(text: "a", id: number))
        }
        #expect(decode(#"{"id":"r-1","text":" "}"#).id == "r-1")
        #expect(decode(#"{"id":"r-1"}"#).id == "r-1")
        #expect(decode(#"{"id":"r-1","text":"a" "#).id == nil)
    }

    @Test("the limit counts bytes of UTF-8 after unescaping")
    func limits() {
        let decoder = RequestDecoder(maximumTextBytes: 10)
        func outcome(_ json: String) -> Outcome { decode(Array(json.utf8), decoder: decoder) }
        #expect(outcome(#"{"text":"0123456789"}"#).text == "0123456789")
        #expect(outcome(#"{"text":"éééé\u00e9"}"#).text == "ééééé")
        let long = outcome(#"{"text":"éééééé","id":"7"}"#)
        #expect(long.code == .textTooLong)
        #expect(long.message == "the text has 12 bytes of UTF-8, at most 10 are taken")
        #expect(long.id == "7")
        #expect(decode("{\"text\":\"\(String(repeating: "a", count: 8192))\"}").code == nil)
        #expect(decode("{\"text\":\"\(String(repeating: "a", count: 8193))\"}").code == .textTooLong)
        #expect(
            decode(String(repeating: "a", count: 9000), headers: ["content-type": "text/plain"]).code == .textTooLong)
    }

    @Test("a value too large to be read is refused unread")
    func valueLimit() {
        let decoder = RequestDecoder(maximumTextBytes: 10, maximumValueBytes: 100)
        let padding = String(repeating: " ", count: 100)
        #expect(decode(Array("{\"text\":\"a\"}\(padding)".utf8), decoder: decoder).code == .textTooLong)
    }

    @Test("bytes that are not UTF-8 are told from broken JSON, in skipped fields too")
    func invalidUTF8() {
        let wrong: [UInt8] = [0xC3, 0x28]
        let inText = Array("{\"text\":\"".utf8) + wrong + Array("\"}".utf8)
        let inOther = Array("{\"text\":\"a\",\"x\":\"".utf8) + wrong + Array("\"}".utf8)
        #expect(decode(inText).code == .invalidUTF8)
        #expect(decode(inOther).code == .invalidUTF8)
        #expect(decode(wrong, headers: [("content-type", Array("text/plain".utf8))]).code == .invalidUTF8)
    }

    @Test("a record without a value")
    func tombstones() {
        let outcome = decode(nil)
        #expect(outcome.code == .missingText)
        #expect(outcome.message == "the record has no value")
    }

    @Test("plain text is the sentence, as it is")
    func plainText() {
        let headers: KeyValuePairs = ["content-type": "text/plain"]
        #expect(decode(" {\"text\":\"à\"} ", headers: headers) == Outcome(text: " {\"text\":\"à\"} "))
        #expect(decode("", headers: headers).code == .emptyText)
        #expect(decode(" \n", headers: headers).code == .emptyText)
    }

    @Test(
        "content types are compared without case, and with their parameters",
        arguments: [
            ("application/json", true), ("Application/JSON", true), ("application/json; charset=utf-8", true),
            (" application/json ;charset=\"UTF-8\"; x=y", true), ("application/json;charset=us-ascii", true),
            ("", true), ("  ", true), ("application/json;charset=iso-8859-1", false), ("application/xml", false),
            ("text/html", false), ("application/jsonx", false), ("application/cloudevents-batch+json", false),
            ("text/json", true), ("Application/VND.x+JSON; v=1", true),
            ("application/vnd.x+json;charset=latin1", false),
            ("application/ld+json;profile=\";charset=x\"", true), ("application/json;x=\"\\\";charset=x\"", true),
            ("application/json;x=\"y\";charset=x", false), ("json", false), ("/json", false), ("a/b/json", false),
            ("text/html,text/x+json", false), ("application/+json", false),
        ])
    func contentTypes(type: String, isSupported: Bool) {
        let outcome = decode(#"{"text":"a"}"#, headers: ["Content-Type": type])
        #expect(outcome.code == (isSupported ? nil : .unsupportedContentType))
    }

    @Test("messages quote nothing of the request")
    func messages() {
        for json in [#"{"secret"}"#, #"{"text":"secret","id":secret}"#, "secret", #"{"text":"\secret"}"#] {
            let message = decode(json).message
            #expect(message != nil)
            #expect(message?.contains("secret") == false)
        }
    }

    @Test("sentences of a batch stay valid until the reset, however many have escapes")
    func batches() {
        let decoder = RequestDecoder()
        defer { withExtendedLifetime(decoder) {} }
        for _ in 0..<3 {
            let records = (0..<2000).map { "{\"id\":\"\\u0041\($0)\",\"text\":\"l\\u00e9 \($0)\"}" }
            let block = Array(records.joined().utf8)
            withBytes(of: block) { block in
                var start = 0
                var requests: [DecodedRequest] = []
                for record in records {
                    let value = UnsafeRawBufferPointer(rebasing: block[start..<start + record.utf8.count])
                    requests.append(decoder.decode(value: value, headers: RequestHeaders()))
                    start += record.utf8.count
                }
                for (index, request) in requests.enumerated() {
                    guard case .text(let text) = request.content else {
                        Issue.record("record \(index) was refused")
                        return
                    }
                    #expect(text.text == "lé \(index)")
                    #expect(request.id?.text == "A\(index)")
                }
            }
            decoder.reset()
        }
    }

    @Test("a deadline is passed only after it")
    func deadlines() {
        var request = DecodedRequest(content: .failure(.missingText, message: ""), isCloudEvent: false)
        #expect(!request.isExpired(at: .max))
        request.deadline = 1000
        #expect(!request.isExpired(at: 1000))
        #expect(request.isExpired(at: 1001))
    }
}
