import Messages
import Testing

@Suite("Decoding replies, encoding requests")
struct ReplyDecoderTests {
    /// What a reply says, copied.
    private func read(_ json: String?, status: String? = nil) -> String {
        func describe(_ value: UnsafeRawBufferPointer?, _ status: UnsafeRawBufferPointer?) -> String {
            let decoder = ReplyDecoder()
            // The reply borrows from the decoder.
            defer { withExtendedLifetime(decoder) {} }
            let reply = decoder.decode(value: value, status: status)
            let id = reply.id?.text ?? "-"
            switch reply.content {
            case .classification(let label, let model, let probabilities):
                let stage = reply.stage.map { " \($0.text)" } ?? ""
                return "\(id) \(label.text) \(model.text) \(probabilities.text)\(stage)"
            case .failure(let known, let code, let message):
                return "\(id) failed \(known.map { "\($0)" } ?? "unknown") \(code.text) \(message.text)"
            case .malformed:
                return "\(id) malformed"
            }
        }
        func withOptional(_ text: String?, _ body: (UnsafeRawBufferPointer?) -> String) -> String {
            guard let text else { return body(nil) }
            return withBytes(of: text) { body($0) }
        }
        return withOptional(json) { value in withOptional(status) { describe(value, $0) } }
    }

    @Test("a classification, with fields of a later version")
    func classifications() {
        #expect(
            read(#"{"new":[1],"id":"r\u00e9","label":"a","probabilities": {"a":0.7, "b":0.3},"model":"m@1"}"#)
                == #"ré a m@1 {"a":0.7, "b":0.3}"#)
        #expect(
            read(#"{"stage":"encoder","id":"r","label":"a","probabilities":{"a":1},"model":"m@1"}"#)
                == #"r a m@1 {"a":1} encoder"#)
    }

    @Test("a failure, of a known code or not")
    func failures() {
        #expect(
            read(#"{"id":"1","error":{"code":"empty_text","message":"m","more":{}}}"#)
                == "1 failed emptyText empty_text m")
        #expect(read(#"{"id":"1","error":{"code":"new_code","message":"m"}}"#) == "1 failed unknown new_code m")
    }

    @Test("what is neither, unless the status says that it failed")
    func malformed() {
        for json in ["{", "[]", #"{"id":"1","label":"a","model":"m","probabilities":[1]}"#, "\u{0}"] {
            #expect(read(json) == "- malformed")
            #expect(read(json, status: "ok") == "- malformed")
        }
        #expect(read(#"{"id":"1","label":"a","model":"m"}"#) == "1 malformed")
        #expect(read(nil, status: "classifier_failed") == "- failed classifierFailed classifier_failed ")
    }

    @Test("probabilities come in their order, and the largest as it is written")
    func probabilities() throws {
        var pairs: [(String, Double)] = []
        try withBytes(of: #"{"b":0.25,"\u00e9":0.750}"#) { bytes in
            let largest = try ReplyDecoder().forEachProbability(in: bytes) { pairs.append(($0.text, $1)) }
            #expect(largest?.text == "0.750")
        }
        #expect(pairs.map(\.0) == ["b", "é"])
        #expect(pairs.map(\.1) == [0.25, 0.75])
        #expect(throws: JSONError.self) {
            try withBytes(of: #"{"b":"0.25"}"#) { bytes throws(JSONError) in
                _ = try ReplyDecoder().forEachProbability(in: bytes) { _, _ in }
            }
        }
    }

    @Test("a request that was encoded is decoded to the same", arguments: ["", "é\"\\\n\u{1}😀", "plain"])
    func requests(id: String) {
        let arena = ByteArena()
        let text = "dis « \"bonjour\" »\t\u{0} \\ 😀"
        let range = RequestEncoder().encode(text: text, id: id, into: arena)
        #expect(decode(Array(arena.bytes(in: range))) == Outcome(text: text, id: id))
        let withoutID = RequestEncoder().encode(text: text, into: arena)
        #expect(decode(Array(arena.bytes(in: withoutID))) == Outcome(text: text))
    }
}
