import Messages
import Testing

@Suite("Requests of other formats")
struct RequestFormatTests {
    private func pointers(_ texts: [String]) -> [JSONPointer] { texts.map { JSONPointer($0)! } }

    private func decode(
        _ value: String, text: [String] = ["/text"], id: String = "/id", type: MediaType = .json,
        contentType: String? = nil, settings: Bool = false
    ) -> Outcome {
        decode(Array(value.utf8), text: text, id: id, type: type, contentType: contentType, settings: settings)
    }

    private func decode(
        _ value: [UInt8], text: [String] = ["/text"], id: String = "/id", type: MediaType = .json,
        contentType: String? = nil, settings: Bool = false
    ) -> Outcome {
        let format = RequestFormat(
            textFields: pointers(text), idField: JSONPointer(id), defaultType: type, maximumTextBytes: 100,
            namesSettings: settings)
        return MessagesTests.decode(
            value, headers: contentType.map { [("content-type", Array($0.utf8))] } ?? [],
            decoder: RequestDecoder(format))
    }

    @Test(
        "a pointer starts with a slash, and a tilde in it is an escape", arguments: ["", "text", "/a~", "/a~2b", "#/a"])
    func noPointers(text: String) {
        #expect(JSONPointer(text) == nil)
    }

    @Test("text and id are found wherever the pointers lead, in one pass")
    func nested() {
        let debezium =
            #"{"schema":{"fields":[{"text":"no"}]},"payload":{"before":null,"op":"c","after":{"id":42,"text":"un \u00e9t\u00e9"}}}"#
        #expect(
            decode(debezium, text: ["/payload/after/text"], id: "/payload/after/id")
                == Outcome(text: "un été", id: "42"))
        #expect(decode(#"{"a/b":{"m~n":"oui"}}"#, text: ["/a~1b/m~0n"]) == Outcome(text: "oui"))
        #expect(decode(#"{"m":[{"t":"no"},{"t":"oui"}]}"#, text: ["/m/1/t"]) == Outcome(text: "oui"))
        #expect(decode(#"["no","oui"]"#, text: ["/1"]) == Outcome(text: "oui"))
        #expect(decode(#"{"1":"oui"}"#, text: ["/1"]) == Outcome(text: "oui"))
        #expect(decode(#"{"":"oui"}"#, text: ["/"]) == Outcome(text: "oui"))
        #expect(decode(#"{"x":"oui","key":"7"}"#, text: ["/x"], id: "/key") == Outcome(text: "oui", id: "7"))
        #expect(decode(#"{"x":"oui","id":1e3}"#, text: ["/x"]) == Outcome(text: "oui", id: "1e3"))
        #expect(decode(#"{"x":"oui","id":[1]}"#, text: ["/x"]) == Outcome(text: "oui"))
    }

    @Test("several texts are joined by a space, in the order of the pointers; absent and null ones are passed over")
    func joined() {
        let fields = ["/subject", "/body/text"]
        #expect(decode(#"{"body":{"text":"deux"},"subject":"un"}"#, text: fields) == Outcome(text: "un deux"))
        #expect(decode(#"{"subject":null,"body":{"text":"deux"}}"#, text: fields) == Outcome(text: "deux"))
        #expect(decode(#"{"subject":"un","body":null}"#, text: fields) == Outcome(text: "un"))
        #expect(decode(#"{"subject":"un","body":{}}"#, text: fields) == Outcome(text: "un"))
        #expect(decode(#"{"subject":"","body":{"text":" "}}"#, text: fields).code == .emptyText)
        let long = String(repeating: "x", count: 60)
        #expect(decode("{\"subject\":\"\(long)\",\"body\":{\"text\":\"\(long)\"}}", text: fields).code == .textTooLong)
    }

    @Test("one pointer may lead through the place of another")
    func prefixes() {
        let fields = ["/body", "/body/text"]
        #expect(decode(#"{"body":"un"}"#, text: fields) == Outcome(text: "un"))
        #expect(decode(#"{"body":{"text":"deux"}}"#, text: fields) == Outcome(text: "deux"))
    }

    @Test("of fields with one name the last counts, with all that is in it")
    func duplicates() {
        #expect(decode(#"{"a":{"t":"un"},"a":{"t":"deux"}}"#, text: ["/a/t"]) == Outcome(text: "deux"))
        #expect(decode(#"{"a":{"t":"un"},"a":{}}"#, text: ["/a/t"]).code == .missingText)
        #expect(decode(#"{"a":{"t":"un"},"a":7}"#, text: ["/a/t"]).code == .missingText)
    }

    @Test("a text of another kind is refused by its pointer", arguments: ["7", "true", "[]", "{}"])
    func otherKinds(value: String) {
        let outcome = decode("{\"subject\":\"un\",\"body\":\(value)}", text: ["/subject", "/body"])
        #expect(outcome.code == .missingText)
        #expect(outcome.message == "/body must be a string")
    }

    @Test(
        "the whole value is checked, wherever the pointers lead",
        arguments: [#"{"x":"a","y":01}"#, #"{"x":"a"}}"#, "7"])
    func malformed(value: String) {
        #expect(decode(value, text: ["/x"]).code == .malformedJSON)
    }

    @Test("a worker says where there are strings, and which setting helps")
    func hints() {
        let value = #"{"message":"un","meta":{"lang":"fr","n":1},"a/b":["x"]}"#
        #expect(
            decode(value, settings: true).message
                == "the object has no field \"text\"; there are strings at /message, /meta/lang: "
                + "--text-field says where the sentence is")
        #expect(
            decode(value, text: ["/body/text"], settings: true).message
                == "the value has no string at /body/text; there are strings at /message, /meta/lang: "
                + "--text-field says where the sentence is")
        #expect(decode(value).message == "the object has no field \"text\"")
        #expect(decode(#"{"n":1}"#, settings: true).message == "the object has no field \"text\"")
        #expect(decode(#"{"text":7,"x":"un"}"#, settings: true).message == "\"text\" must be a string")
        #expect(
            decode("bonjour", settings: true).message?.hasSuffix(
                "; for records that are plain text, use --default-content-type text/plain") == true)
        #expect(decode(#"{"text":"#, settings: true).message?.contains("default-content-type") == false)
    }

    @Test("a record without a content type is what the worker is told")
    func defaultType() {
        #expect(decode("un train", type: .plainText) == Outcome(text: "un train"))
        #expect(decode(#"{"text":"un"}"#, type: .plainText, contentType: "application/json") == Outcome(text: "un"))
        #expect(decode("un train", type: .plainText, contentType: " ") == Outcome(text: "un train"))
        let event = #"{"specversion":"1.0","id":"e","source":"s","type":"t","data":{"text":"un"}}"#
        #expect(decode(event, type: .structuredEvent) == Outcome(text: "un", id: "e", isCloudEvent: true))
    }

    @Test("JSON in a schema registry's framing is read, Avro is refused by name")
    func framing() {
        let framed = [0, 0, 0, 1, 2] + Array(#"{"text":"un","id":"1"}"#.utf8)
        #expect(decode(framed) == Outcome(text: "un", id: "1"))
        #expect(decode(framed, text: ["/id"], id: "/text") == Outcome(text: "1", id: "un"))
        let avro = decode([0, 0, 0, 1, 2, 16, 0x62, 0x6F, 0x6E])
        #expect(avro.code == .unsupportedContentType)
        #expect(avro.message?.contains("schema 258") == true)
        #expect(decode([0, 0, 0, 1]).code == .malformedJSON)
    }

    @Test("what Triage's own programs write is read by its own fields")
    func ownFormat() {
        let value = #"{"id":"1","text":"un"}"#
        #expect(
            decode(value, text: ["/body"], contentType: "application/json; profile=triage")
                == Outcome(text: "un", id: "1"))
        #expect(decode(value, text: ["/body"], contentType: "application/json").code == .missingText)
    }

    @Test("pointers to the usual fields find what the decoder finds without them")
    func agrees() throws {
        for kind in ["request", "cloudevent-request"] {
            for folder in ["valid", "invalid"] {
                for path in Schemas.samples("\(kind)/\(folder)") {
                    let type: MediaType = kind == "request" ? .json : .structuredEvent
                    let value = try Schemas.bytes(path)
                    let usual = decode(value, type: type)
                    var pointed = decode(value, text: ["/text", "/no such field"], type: type)
                    if pointed.code == usual.code { pointed.message = usual.message }
                    #expect(pointed == usual, "\(path)")
                }
            }
        }
    }
}
