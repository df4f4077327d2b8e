import Foundation
import Messages
import Testing

@Suite("Avro in a schema registry's framing")
struct AvroTests {
    /// Reads a framed value that was written with this schema.
    private func read(
        _ value: [UInt8], schema: String, text: [String] = ["/text"], id: String = "/id", references: [String] = []
    ) throws -> Outcome {
        let schemas = SchemaTable()
        schemas[7] = .avro(try AvroSchema(schema, references: references))
        let format = RequestFormat(
            textFields: text.map { JSONPointer($0)! }, idField: JSONPointer(id), maximumTextBytes: 100,
            namesSettings: true)
        return decode([0, 0, 0, 0, 7] + value, decoder: RequestDecoder(format, schemas: schemas))
    }

    /// Avro's JSON encoding of the value, as enriched replies repeat it.
    private func json(_ value: [UInt8], schema: String, text: String = "/text") throws -> String? {
        let schemas = SchemaTable()
        schemas[7] = .avro(try AvroSchema(schema))
        let format = RequestFormat(textFields: [JSONPointer(text)!], addedField: "x")
        let decoder = RequestDecoder(format, schemas: schemas)
        return withHeaders([]) { headers in
            withBytes(of: [0, 0, 0, 0, 7] + value) { value in
                guard case .object(let bytes, _) = decoder.decode(value: value, headers: headers).value else {
                    return nil
                }
                return bytes.text
            }
        }
    }

    private func record(_ fields: String) -> String { #"{"type":"record","name":"R","fields":[\#(fields)]}"# }

    private func string(_ text: String) -> [UInt8] { [UInt8(text.utf8.count * 2)] + Array(text.utf8) }

    private static let text = #"{"name":"text","type":"string"}"#

    @Test("text and id are read from records, with unions transparent")
    func simple() throws {
        let schema = record(#"{"name":"id","type":"long"},\#(Self.text)"#)
        #expect(try read([84] + string("un été"), schema: schema) == Outcome(text: "un été", id: "42"))
        // -9,223,372,036,854,775,808
        let least: [UInt8] = Array(repeating: 0xFF, count: 9) + [1]
        #expect(try read(least + string("un"), schema: schema).id == "-9223372036854775808")
        let optional = record(
            #"{"name":"text","type":["null","string"],"default":null},{"name":"id","type":["null","int","string"]}"#)
        #expect(try read([2] + string("un") + [4] + string("a"), schema: optional) == Outcome(text: "un", id: "a"))
        #expect(try read([2] + string("un") + [2, 1], schema: optional) == Outcome(text: "un", id: "-1"))
        #expect(try read([0, 0], schema: optional).code == .missingText)
        #expect(
            try read([0, 0], schema: optional).message
                == "the value has no string at /text; there are strings at /text: --text-field says where the sentence is"
        )
    }

    @Test("pointers lead into records, maps and arrays, to enums and through names of any kind")
    func nested() throws {
        let inner = #"{"type":"record","name":"Body","namespace":"a.b","fields":[{"name":"t","type":"string"}]}"#
        let schema = record(
            #"{"name":"skipped","type":{"type":"array","items":{"type":"map","values":"double"}}},"#
                + #"{"name":"body","type":\#(inner)},{"name":"again","type":"a.b.Body"},"#
                + #"{"name":"kind","type":{"type":"enum","name":"Kind","symbols":["A","B"]}},"#
                + #"{"name":"f","type":{"type":"fixed","name":"F","size":3}},{"name":"m","type":{"type":"map","values":"string"}},"#
                + #"{"name":"l","type":{"type":"array","items":"string"}}"#)
        let doubles = [2] + string("d") + [UInt8](repeating: 0, count: 8) + [0]
        // An array in blocks: one with its size in bytes, one without.
        let array: [UInt8] = [1, UInt8(doubles.count * 2)] + doubles + [2] + doubles + [0]
        let map = [4] + string("a") + string("un") + string("b/c") + string("deux") + [0]
        let list: [UInt8] = [4] + string("zéro") + string("un") + [0]
        let value = array + string("corps") + string("encore") + [2] + [1, 2, 3] + map + list
        for (pointer, expected) in [
            ("/body/t", "corps"), ("/again/t", "encore"), ("/kind", "B"), ("/m/a", "un"), ("/m/b~1c", "deux"),
            ("/l/1", "un"),
        ] {
            #expect(try read(value, schema: schema, text: [pointer]) == Outcome(text: expected))
        }
        #expect(try read(value, schema: schema, text: ["/body/t", "/l/0"]) == Outcome(text: "corps zéro"))
        for pointer in ["/f", "/skipped", "/body"] {
            let outcome = try read(value, schema: schema, text: [pointer])
            #expect(outcome.code == .missingText && outcome.message == "\(pointer) must be a string")
        }
        #expect(
            try json(value, schema: schema, text: "/kind")
                == #"{"skipped":[{"d":0.0},{"d":0.0}],"body":{"t":"corps"},"again":{"t":"encore"},"kind":"B","#
                + #""f":"\u0001\u0002\u0003","m":{"a":"un","b/c":"deux"},"l":["zéro","un"]}"#)
    }

    @Test("Avro's JSON encoding: unions by their type's name, bytes as code points, what JSON has not as strings")
    func encoding() throws {
        let schema =
            #"{"type":"record","name":"R","namespace":"n","fields":[\#(Self.text),"#
            + #"{"name":"u","type":["null","string",{"type":"record","name":"S","fields":[{"name":"i","type":"int"}]}]},"#
            + #"{"name":"b","type":"bytes"},{"name":"d","type":"double"},{"name":"f","type":"float"},{"name":"o","type":"boolean"}]}"#
        let nan = withUnsafeBytes(of: Double.nan.bitPattern.littleEndian) { Array($0) }
        let half = withUnsafeBytes(of: Float(0.1).bitPattern.littleEndian) { Array($0) }
        #expect(
            try json(string("un") + [4, 14] + [8, 0, 34, 0x7F, 0xE9] + nan + half + [1], schema: schema)
                == #"{"text":"un","u":{"n.S":{"i":7}},"b":"\u0000\"\#u{7F}é","d":"NaN","f":0.1,"o":true}"#)
        #expect(
            try json(string("un") + [2] + string("s") + [0] + nan + half + [0], schema: schema)
                == #"{"text":"un","u":{"string":"s"},"b":"","d":"NaN","f":0.1,"o":false}"#)
    }

    @Test("a value that does not fit its schema is refused, and says where")
    func malformed() throws {
        let schema = record(
            #"\#(Self.text),{"name":"e","type":{"type":"enum","name":"E","symbols":["A"]}},{"name":"u","type":["null","int"]},"#
                + #"{"name":"b","type":"boolean"}"#)
        let good = string("un") + [0, 2, 2, 1]
        #expect(try read(good, schema: schema) == Outcome(text: "un"))
        let cases: [([UInt8], String)] = [
            (Array(good.dropLast()), "the value ends too early, at byte 6"), (good + [0], "1 bytes follow the value"),
            (string("un") + [2, 2, 2, 1], "the enum at byte 3 has no number 1"),
            (string("un") + [0, 4, 2, 1], "the union at byte 4 has no number 2"),
            (string("un") + [0, 1, 2, 1], "the union at byte 4 has no number -1"),
            (string("un") + [0, 0, 2], "expected a boolean at byte 5"), ([1, 0], "the length at byte 0 is negative"),
            ([0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1], "the value ends too early"),
            ([UInt8](repeating: 0xFF, count: 11), "the number at byte 0 is too long"),
            (string("un") + [0, 2, 0x80, 0x80, 0x80, 0x80, 0x20, 1], "too large for an int"),
        ]
        for (value, words) in cases {
            let outcome = try read(value, schema: schema)
            #expect(outcome.code == .malformedAvro, "\(value)")
            #expect(outcome.message?.contains(words) == true, "\(outcome.message ?? "")")
        }
        #expect(try read([4, 0xC3, 0x28, 0, 0, 1], schema: schema).code == .invalidUTF8)
        let other = record(#"\#(Self.text),{"name":"o","type":"string"}"#)
        #expect(try read(string("un") + [4, 0xC3, 0x28], schema: other).code == .invalidUTF8)
        #expect(try read([], schema: other).code == .malformedAvro)
    }

    @Test("a floating-point number is an id too, and a union's branch that is called as the field is not replaced")
    func oddities() throws {
        let half = withUnsafeBytes(of: 0.5.bitPattern.littleEndian) { Array($0) }
        let nan = withUnsafeBytes(of: Double.nan.bitPattern.littleEndian) { Array($0) }
        let schema = record(#"{"name":"id","type":"double"},\#(Self.text)"#)
        #expect(try read(half + string("un"), schema: schema) == Outcome(text: "un", id: "0.5"))
        #expect(try read(nan + string("un"), schema: schema) == Outcome(text: "un"))
        let schemas = SchemaTable()
        schemas[7] = .avro(try AvroSchema(#"[{"type":"record","name":"x","fields":[\#(Self.text)]}]"#))
        let decoder = RequestDecoder(RequestFormat(addedField: "x"), schemas: schemas)
        withHeaders([]) { headers in
            withBytes(of: [0, 0, 0, 0, 7, 0] + string("un")) { value in
                guard case .other(let json) = decoder.decode(value: value, headers: headers).value else {
                    Issue.record("the record would be replaced")
                    return
                }
                #expect(json.text == #"{"x":{"text":"un"}}"#)
            }
        }
    }

    @Test("a value nested without end, or with items that take no bytes, ends by itself")
    func hostile() throws {
        let list = record(#"{"name":"next","type":["null","R"]},{"name":"text","type":"string"}"#)
        let deep = try read([UInt8](repeating: 2, count: 1 << 20), schema: list)
        #expect(deep.code == .malformedAvro && deep.message?.contains("nested too deeply") == true)
        #expect(try read([2, 0] + string("in") + string("out"), schema: list) == Outcome(text: "out"))
        let nulls = record(#"{"name":"n","type":{"type":"array","items":"null"}},\#(Self.text)"#)
        let many: [UInt8] = [0xFE, 0xFF, 0xFF, 0xFF, 0x0F]
        #expect(try read(many + [0] + string("un"), schema: nulls).code == .malformedAvro)
        #expect(try read([20, 0] + string("un"), schema: nulls) == Outcome(text: "un"))
        // Records of ten records each, six deep, of which none takes a byte.
        var empty = #"{"type":"record","name":"R0","fields":[]}"#
        for depth in 1...6 {
            let fields = (0..<10).map { #"{"name":"f\#($0)","type":\#($0 == 0 ? empty : "\"R\(depth - 1)\"")}"# }
            empty = #"{"type":"record","name":"R\#(depth)","fields":[\#(fields.joined(separator: ","))]}"#
        }
        let wide = record(#"{"name":"e","type":\#(empty)},\#(Self.text)"#)
        let outcome = try read(string("un"), schema: wide)
        #expect(outcome.code == .malformedAvro && outcome.message?.contains("too many values") == true)
    }

    @Test("a record that is too large as JSON is refused where it would be repeated")
    func tooLarge() throws {
        let name = String(repeating: "n", count: 1_000)
        let schema = record(
            #"\#(Self.text),{"name":"a","type":{"type":"array","items":{"type":"record","name":"I","fields":[{"name":"\#(name)","type":"boolean"}]}}}"#
        )
        let value = string("un") + [0x90, 0x4E] + [UInt8](repeating: 1, count: 5_000) + [0]
        #expect(try read(value, schema: schema) == Outcome(text: "un"))
        let schemas = SchemaTable()
        schemas[7] = .avro(try AvroSchema(schema))
        let decoder = RequestDecoder(RequestFormat(addedField: "x"), schemas: schemas, maximumValueBytes: 1 << 20)
        #expect(decode([0, 0, 0, 0, 7] + value, decoder: decoder).code == .replyTooLarge)
    }

    @Test("any bytes are read or refused")
    func anyBytes() throws {
        let schema = record(
            #"\#(Self.text),{"name":"a","type":{"type":"array","items":["null","R","string"]}},"#
                + #"{"name":"m","type":{"type":"map","values":"bytes"}}"#)
        var random = SplitMix64(state: .random(in: 0 ... .max))
        let seed = random.state
        var texts = 0
        let codes: Set<ErrorCode> = [.malformedAvro, .missingText, .emptyText, .invalidUTF8]
        for _ in 0..<20_000 {
            var value = string("un") + [2, 0, 0] + [2] + string("k") + [2, 7, 0]
            for _ in 0..<random.next() % 4 {
                value[Int(random.next() % UInt64(value.count))] = UInt8(truncatingIfNeeded: random.next() % 9)
            }
            let outcome = try read(value, schema: schema)
            if outcome.text != nil { texts += 1 }
            #expect(outcome.text != nil || outcome.code.map(codes.contains) == true, "seed \(seed)")
        }
        #expect(texts > 1_000 && texts < 19_000, "seed \(seed)")
    }

    @Test(
        "schemas: names without a namespace, in that of the type around, by reference, and a schema that is no record")
    func schemas() throws {
        let inner = #"{"type":"record","name":"Inner","namespace":"x","fields":[{"name":"t","type":"string"}]}"#
        let outer =
            #"{"type":"record","name":"Outer","namespace":"x","fields":[{"name":"text","type":"string"},{"name":"i","type":"Inner"}]}"#
        #expect(
            try read(string("un") + string("deux"), schema: outer, text: ["/i/t"], references: [inner])
                == Outcome(text: "deux"))
        #expect(try read(string("un"), schema: "\"string\"").code == .missingText)
        #expect(try read(string("un"), schema: "string").code == .missingText)
        let logical = record(#"\#(Self.text),{"name":"t","type":{"type":"long","logicalType":"timestamp-millis"}}"#)
        #expect(try read(string("un") + [2], schema: logical, id: "/t") == Outcome(text: "un", id: "1"))
        let late = #"{"fields":[{"type":"string","name":"text"}],"name":"R","type":"record"}"#
        #expect(try read(string("un"), schema: late) == Outcome(text: "un"))
    }

    @Test(
        "a schema that is none is refused, and says why",
        arguments: [
            ("{", "not JSON"), ("7", "a type is"), (#"{"name":"R"}"#, "no \"type\""),
            (#"{"type":"record","name":"R"}"#, "no fields"), (#"{"type":"record","fields":[]}"#, "no name"),
            (#"{"type":"array"}"#, "what is in it"), (#"["null","S"]"#, "the type S is not defined"),
            (#"{"type":"fixed","name":"F"}"#, "no size"), (#"{"type":"enum","name":"E"}"#, "no symbols"),
            (#"[{"type":"fixed","name":"F","size":1},{"type":"fixed","name":"F","size":1}]"#, "defined twice"),
        ])
    func noSchemas(text: String, words: String) {
        let failure = #expect(throws: AvroSchema.Failure.self) { try AvroSchema(text) }
        #expect(failure?.description.contains(words) == true, "\(failure?.description ?? "")")
    }

    @Test("what the registry says of a schema decides how the value is read")
    func kinds() throws {
        let value = [0, 0, 0, 0, 7] + Array(#"{"text":"un"}"#.utf8)
        func outcome(_ schema: WriterSchema?, _ value: [UInt8]) -> Outcome {
            let schemas = SchemaTable()
            if let schema { schemas[7] = schema }
            return decode(value, decoder: RequestDecoder(RequestFormat(), schemas: schemas))
        }
        #expect(outcome(.json, value) == Outcome(text: "un"))
        #expect(outcome(.unknown, value) == Outcome(text: "un"))
        #expect(outcome(.unknown, [0, 0, 0, 0, 7, 4, 0x75, 0x6E]).code == .unknownSchema)
        #expect(outcome(.refused("it is Protobuf"), value).message == "it is Protobuf")
        // A text of 61 bytes, or an object: the schema says which.
        #expect(
            outcome(
                .avro(try AvroSchema(record(Self.text))), [0, 0, 0, 0, 7] + string(String(repeating: "{", count: 61))
            )
            .text?.count == 61)
        let avro: [(String, [UInt8]?)] = [("content-type", Array("application/avro".utf8))]
        #expect(decode([4, 0x75, 0x6E], headers: avro).code == .unsupportedContentType)
        #expect(decode(value, headers: avro) == Outcome(text: "un"))
    }
}
