import Foundation
import Messages
import Testing

@Suite("Formats of replies")
struct ReplyFormatTests {
    private static let labels = ["find-hotel", "purchase", "été \"b\""]

    private func encoder(
        unsure: UnsureRule? = nil, top: Int? = nil, field: String = "classification"
    ) -> ReplyEncoder {
        ReplyEncoder(model: "m@0123456789ab", labels: Self.labels, unsure: unsure, top: top, field: field)
    }

    /// The bytes of a reply; nil if the probabilities are not a distribution.
    private func write(
        _ encoder: ReplyEncoder, _ probabilities: [Float], isKnown: Bool = true,
        _ body: (Decision, RecordSource, UnsafeBufferPointer<Float>, ByteArena) -> Range<Int>
    ) -> [UInt8]? {
        let arena = ByteArena()
        return withBytes(of: "sentences") { topic in
            let source = RecordSource(topic: topic, partition: 3, offset: 42)
            return probabilities.withUnsafeBufferPointer { probabilities in
                encoder.decide(probabilities, isKnown: isKnown).map {
                    Array(arena.bytes(in: body($0, source, probabilities, arena)))
                }
            }
        }
    }

    private func full(
        _ encoder: ReplyEncoder, _ probabilities: [Float], isKnown: Bool = true, isWhole: Bool = false
    ) -> String? {
        write(encoder, probabilities, isKnown: isKnown) { decision, source, probabilities, arena in
            encoder.encode(
                decision, id: nil, source: source, probabilities: probabilities, isWhole: isWhole, into: arena)
        }.map { String(decoding: $0, as: UTF8.self) }
    }

    private func flat(_ encoder: ReplyEncoder, _ probabilities: [Float]) -> String? {
        write(encoder, probabilities) { decision, source, _, arena in
            encoder.encodeFlat(decision, id: nil, source: source, now: 1_767_323_045_678, into: arena)
        }.map { String(decoding: $0, as: UTF8.self) }
    }

    /// The enriched reply to a request; nil if that has no sentence.
    private func enriched(
        _ value: [UInt8], format: RequestFormat = RequestFormat(addedField: "classification"), headers: String? = nil,
        encoder: ReplyEncoder? = nil
    ) -> [UInt8]? {
        let encoder = encoder ?? self.encoder(field: format.addedField ?? "")
        let decoder = RequestDecoder(format)
        return withHeaders(headers.map { [("content-type", Array($0.utf8))] } ?? []) { headers in
            withBytes(of: value) { value in
                let request = decoder.decode(value: value, headers: headers)
                guard let own = request.value else {
                    if case .text = request.content { Issue.record("a sentence without its request's value") }
                    return nil
                }
                return write(encoder, [0.25, 0.5, 0.25]) { decision, _, probabilities, arena in
                    encoder.encodeEnriched(decision, own, probabilities: probabilities, into: arena)
                }
            }
        }
    }

    private func enriched(_ value: String, headers: String? = nil) -> String? {
        enriched(Array(value.utf8), headers: headers).map { String(decoding: $0, as: UTF8.self) }
    }

    private static let classification =
        #"{"label":"purchase","confidence":0.500000,"probabilities":{"find-hotel":0.250000,"purchase":0.500000,"#
        + #""été \"b\"":0.250000},"model":"m@0123456789ab"}"#

    @Test("a flat reply has one value for each column, and the class too if it is unsure")
    func flatReplies() {
        #expect(
            flat(encoder(), [0.25, 0.5, 0.25])
                == #"{"id":"sentences/3/42","label":"purchase","confidence":0.500000,"model":"m@0123456789ab","#
                + #""classified_at":"2026-01-02T03:04:05.678Z"}"#)
        #expect(
            flat(encoder(unsure: UnsureRule(below: 0.6, label: "à voir")), [0.25, 0.25, 0.5])
                == #"{"id":"sentences/3/42","label":"à voir","best":"été \"b\"","confidence":0.500000,"#
                + #""model":"m@0123456789ab","classified_at":"2026-01-02T03:04:05.678Z"}"#)
    }

    @Test("what is less likely than the threshold is unsure, and what the model knows nothing of always")
    func unsure() {
        let rule = UnsureRule(below: 0.5)
        #expect(
            full(encoder(unsure: rule), [0.25, 0.5, 0.25])?.contains(#""label":"purchase","probabilities""#) == true)
        #expect(
            full(encoder(unsure: rule), [0.26, 0.49, 0.25])?.contains(#""label":"unsure","best":"purchase","prob"#)
                == true)
        #expect(full(encoder(unsure: rule), [0, 1, 0], isKnown: false)?.contains(#""label":"unsure""#) == true)
        #expect(
            full(encoder(unsure: UnsureRule(below: 0)), [0, 1, 0], isKnown: false)?.contains(#""label":"unsure""#)
                == true)
        #expect(full(encoder(unsure: UnsureRule(below: 1)), [0, 1, 0])?.contains(#""label":"purchase""#) == true)
        #expect(full(encoder(), [0.4, 0.3, 0.3], isKnown: false)?.contains("unsure") == false)
    }

    @Test("the threshold is compared with the confidence that the reply shows", arguments: 1...99)
    func rounding(percent: Int) {
        let threshold = Double(percent) / 100
        let rest = Float(1 - threshold)
        let two = ReplyEncoder(
            model: "m@1", labels: ["a", "b"], unsure: UnsureRule(below: max(threshold, 1 - threshold)))
        let reply = write(two, [Float(threshold), rest]) { decision, source, probabilities, arena in
            two.encode(decision, id: nil, source: source, probabilities: probabilities, into: arena)
        }
        #expect(reply.map { String(decoding: $0, as: UTF8.self).contains("unsure") } == false)
    }

    @Test("of the classes the likeliest come first, the model's order deciding between equals")
    func top() {
        func classes(_ top: Int, _ probabilities: [Float], isWhole: Bool = false) -> String {
            let reply = full(encoder(top: top), probabilities, isWhole: isWhole) ?? ""
            let start = reply.range(of: #""probabilities":"#)!.upperBound
            return String(reply[start..<reply.range(of: #","model""#)!.lowerBound])
        }
        #expect(classes(1, [0.25, 0.5, 0.25]) == #"{"purchase":0.500000}"#)
        #expect(classes(2, [0.25, 0.5, 0.25]) == #"{"purchase":0.500000,"find-hotel":0.250000}"#)
        #expect(classes(2, [0.5, 0, 0.5]) == #"{"find-hotel":0.500000,"été \"b\"":0.500000}"#)
        let sorted = #"{"purchase":0.500000,"find-hotel":0.250000,"été \"b\"":0.250000}"#
        #expect(classes(3, [0.25, 0.5, 0.25]) == sorted && classes(100, [0.25, 0.5, 0.25]) == sorted)
        let all = #"{"find-hotel":0.250000,"purchase":0.500000,"été \"b\"":0.250000}"#
        #expect(classes(1, [0.25, 0.5, 0.25], isWhole: true) == all)
    }

    @Test(
        "an object gets one member more, and is else what it was",
        arguments: [
            (#"{"text":"un"}"#, #"{"text":"un",¤}"#),
            (
                #" { "id" : 1e3 ,"text":"\u00e9\/" , "x":[ 1, {} ] } "#,
                #" { "id" : 1e3 ,"text":"\u00e9\/" , "x":[ 1, {} ],¤ } "#
            ),
            (#"{"text":"un","classification":7}"#, #"{"text":"un","classification":§}"#),
            (#"{"classification" : {"label":"x"} ,"text":"un"}"#, #"{"classification" : § ,"text":"un"}"#),
            (
                #"{"classif\u0069cation":1,"text":"un","classification":[2]}"#,
                #"{"classif\u0069cation":§,"text":"un","classification":§}"#
            ),
            (#"{"a":{"classification":1},"text":"un"}"#, #"{"a":{"classification":1},"text":"un",¤}"#),
            ("\u{FEFF}{\"text\":\"un\"}", "\u{FEFF}{\"text\":\"un\",¤}"),
        ])
    func objects(value: String, reply: String) {
        let expected = reply.replacingOccurrences(of: "¤", with: #""classification":"# + Self.classification)
            .replacingOccurrences(of: "§", with: Self.classification)
        #expect(enriched(value) == expected)
        let format = RequestFormat(
            textFields: [JSONPointer("/text")!, JSONPointer("/no such")!], addedField: "classification")
        #expect(enriched(Array(value.utf8), format: format).map { String(decoding: $0, as: UTF8.self) } == expected)
    }

    @Test("a plain text becomes an object, an array is put into one, and a CloudEvent's data is what is repeated")
    func others() {
        let field = #""classification":"# + Self.classification
        #expect(enriched("un \"mot\"\n", headers: "text/plain") == #"{"text":"un \"mot\"\n","# + field + "}")
        let format = RequestFormat(textFields: [JSONPointer("/1")!], addedField: "classification")
        #expect(
            enriched(Array(#"[1, "un"]"#.utf8), format: format).map { String(decoding: $0, as: UTF8.self) }
                == #"{"value":[1, "un"],"# + field + "}")
        let event = #"{"specversion":"1.0","id":"e","source":"s","type":"t","data": {"text":"un","n":1 } }"#
        #expect(
            enriched(event, headers: "application/cloudevents+json") == #"{"text":"un","n":1,"# + field + " }")
        let text = #"{"specversion":"1.0","id":"e","source":"s","type":"t","data":"un"}"#
        #expect(enriched(text, headers: "application/cloudevents+json") == #"{"text":"un","# + field + "}")
        #expect(
            enriched(Array("\u{FEFF}[1,\"un\"]".utf8), format: format).map { String(decoding: $0, as: UTF8.self) }
                == #"{"value":[1,"un"],"# + field + "}")
        let framed = [0, 0, 0, 0, 7] + Array(#"{"text":"un"}"#.utf8)
        #expect(enriched(framed).map { String(decoding: $0, as: UTF8.self) } == #"{"text":"un","# + field + "}")
    }

    @Test("an object with very many fields of the name is refused, since each would grow")
    func manyFields() {
        let fields = { (count: Int) in Array(repeating: #""classification":1"#, count: count).joined(separator: ",") }
        #expect(enriched(#"{"text":"un",\#(fields(16))}"#)?.components(separatedBy: "m@0123456789ab").count == 17)
        let decoder = RequestDecoder(RequestFormat(addedField: "classification"))
        #expect(decode(Array(#"{"text":"un",\#(fields(17))}"#.utf8), decoder: decoder).code == .malformedJSON)
    }

    @Test("the field has the name that it is given")
    func otherField() {
        let format = RequestFormat(addedField: "a\"b")
        #expect(
            enriched(Array(#"{"text":"un"}"#.utf8), format: format).map { String(decoding: $0, as: UTF8.self) }
                == #"{"text":"un","a\"b":"# + Self.classification + "}")
    }

    @Test("the samples of flat and enriched replies are what the encoder writes, byte for byte")
    func samples() throws {
        let labels = ["find-hotel", "purchase"]
        let sure = ReplyEncoder(model: "starter@0123456789ab", labels: labels)
        let unsure = ReplyEncoder(
            model: "starter@0123456789ab", labels: labels, unsure: UnsureRule(below: 0.7))
        func flat(_ encoder: ReplyEncoder, _ id: String?, _ probabilities: [Float]) -> [UInt8]? {
            write(encoder, probabilities) { decision, source, _, arena in
                func encode(_ id: UnsafeRawBufferPointer?) -> Range<Int> {
                    encoder.encodeFlat(decision, id: id, source: source, now: 1_767_323_045_678, into: arena)
                }
                guard let id else { return encode(nil) }
                return withBytes(of: id) { encode($0) }
            }
        }
        func enriched(_ encoder: ReplyEncoder, _ value: String, _ type: String, _ probabilities: [Float]) -> [UInt8]? {
            let decoder = RequestDecoder(RequestFormat(addedField: "classification"))
            return withHeaders([("content-type", Array(type.utf8))]) { headers in
                withBytes(of: value) { value in
                    decoder.decode(value: value, headers: headers).value.flatMap { own in
                        write(encoder, probabilities) { decision, _, probabilities, arena in
                            encoder.encodeEnriched(decision, own, probabilities: probabilities, into: arena)
                        }
                    }
                }
            }
        }
        let written = [
            "flat-reply/valid/sure.json": flat(sure, "order-17", [0.912345, 0.087655]),
            "flat-reply/valid/unsure.json": flat(
                ReplyEncoder(
                    model: "starter@0123456789ab", labels: labels + ["find-train"], unsure: UnsureRule(below: 0.7)),
                nil,
                [0.4, 0.3, 0.3]),
            "enriched-reply/valid/object.json": enriched(
                sure, #"{ "text": "je cherche un h\u00f4tel",  "n": 1e3 }"#, "application/json", [0.912345, 0.087655]),
            "enriched-reply/valid/text.json": enriched(
                sure, "je cherche un hôtel", "text/plain", [0.912345, 0.087655]),
            "enriched-reply/valid/unsure.json": enriched(
                unsure, #"{"text":"hm","classification":null,"n":1}"#, "application/json", [0.4, 0.6]),
        ]
        let samples = Schemas.samples("flat-reply/valid") + Schemas.samples("enriched-reply/valid")
        #expect(Set(samples) == Set(written.keys.map { "samples/\($0)" }))
        for (path, reply) in written {
            let reply = reply.map { String(decoding: $0, as: UTF8.self) + "\n" }
            #expect(reply == (try Schemas.text("samples/\(path)")), "\(path)")
        }
    }

    /// `TRIAGE_FUZZ_RECORDS` says how many (20,000), `TRIAGE_FUZZ_SEED` which.
    @Test("without the field an enriched reply is its request, byte for byte, whatever that is")
    func fuzz() {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["TRIAGE_FUZZ_RECORDS"].flatMap { Int($0) } ?? 20_000
        let seed = environment["TRIAGE_FUZZ_SEED"].flatMap { UInt64($0) } ?? .random(in: 0...UInt64(UInt32.max))
        var generator = DocumentGenerator(seed: seed)
        let format = RequestFormat(maximumTextBytes: 1 << 20, addedField: "x")
        let added = Array((#","x":"# + Self.classification).utf8)
        let replaced = Array(Self.classification.utf8)
        let encoder = encoder(field: "x")
        var (enrichedCount, replacedCount) = (0, 0)
        for index in 0..<count {
            let document = generator.next()
            guard let reply = enriched(document, format: format, encoder: encoder) else { continue }
            enrichedCount += 1
            let decoded = try? JSONSerialization.jsonObject(with: Data(reply)) as? [String: Any]
            let isRead = (decoded?["x"] as? [String: Any])?["model"] as? String == "m@0123456789ab"
            // Foundation refuses numbers that no double holds.
            let isKnownDifference = decoded == nil && FoundationRequest(document) == nil
            #expect(isRead || isKnownDifference, "seed \(seed), document \(index)")
            if !hasField(document, format), let start = Self.find(added, in: reply) {
                // A zero byte begins a registry's framing, which is not repeated.
                let request = document.first == 0 ? Array(document.dropFirst(5)) : document
                #expect(Array(reply[..<start] + reply[(start + added.count)...]) == request, "seed \(seed), \(index)")
            } else {
                replacedCount += 1
                #expect(Self.find(replaced, in: reply) != nil, "seed \(seed), document \(index)")
            }
        }
        print("enriched: seed \(seed), \(count) documents, \(enrichedCount) enriched, \(replacedCount) with the field")
        if count >= 1000 { #expect(enrichedCount > count / 3 && replacedCount > 0) }
    }

    /// Whether a request has the field already.
    private func hasField(_ document: [UInt8], _ format: RequestFormat) -> Bool {
        let decoder = RequestDecoder(format)
        return withHeaders([]) { headers in
            withBytes(of: document) { value in
                guard case .object(_, let site) = decoder.decode(value: value, headers: headers).value else {
                    return false
                }
                return !site.replaced.isEmpty
            }
        }
    }

    /// Where the bytes are for the last time.
    private static func find(_ part: [UInt8], in whole: [UInt8]) -> Int? {
        guard whole.count >= part.count else { return nil }
        return (0...whole.count - part.count).last {
            whole[$0] == part[0] && whole[$0..<$0 + part.count].elementsEqual(part)
        }
    }

    @Test("the label as it is, and the confidence, for headers")
    func headers() {
        let encoder = encoder(unsure: UnsureRule(below: 0.6))
        for (probabilities, label) in [([0, 0, 1], "été \"b\""), ([0.5, 0.5, 0], "unsure")] as [([Float], String)] {
            let arena = ByteArena()
            probabilities.withUnsafeBufferPointer { probabilities in
                let ranges = encoder.encodeLabel(encoder.decide(probabilities)!, into: arena)
                #expect(arena.bytes(in: ranges.label).text == label)
                #expect(arena.bytes(in: ranges.confidence).text == (label == "unsure" ? "0.500000" : "1.000000"))
            }
        }
    }

    @Test("a flat reply in Avro is read back by its schema")
    func avro() throws {
        for rule in [nil, UnsureRule(below: 0.6)] {
            let encoder = encoder(unsure: rule)
            let bytes = write(encoder, [0.25, 0.5, 0.25]) { decision, source, _, arena in
                encoder.encodeFlatAvro(
                    decision, schema: 258, hasBest: rule != nil, id: nil, source: source, now: -1, into: arena)
            }
            let reply = try #require(bytes)
            #expect(Array(reply[..<5]) == [0, 0, 0, 1, 2])
            let schemas = SchemaTable()
            schemas[258] = .avro(try AvroSchema(FlatSchema.text(hasBest: rule != nil)))
            let format = RequestFormat(
                textFields: [JSONPointer("/label")!], idField: JSONPointer("/id"), addedField: "x")
            let decoder = RequestDecoder(format, schemas: schemas)
            withHeaders([("content-type", Array("avro/binary".utf8))]) { headers in
                withBytes(of: reply) { reply in
                    let request = decoder.decode(value: reply, headers: headers)
                    guard case .text(let label) = request.content, case .object(let json, _) = request.value else {
                        Issue.record("\(request.content)")
                        return
                    }
                    #expect(label.text == (rule == nil ? "purchase" : "unsure"))
                    #expect(request.id?.text == "sentences/3/42")
                    let best = rule == nil ? "" : #","best":{"string":"purchase"}"#
                    #expect(
                        json.text == #"{"id":"sentences/3/42","label":"\#(label.text)"\#(best),"confidence":0.5,"#
                            + #""model":"m@0123456789ab","classified_at":-1}"#)
                }
            }
        }
    }
}
