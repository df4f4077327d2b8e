import Messages
import Testing

@Suite("Reading JSON in place")
struct JSONReaderTests {
    /// Reads one value of any kind; what is wrong with it, or nil.
    private func problem(with json: String) -> JSONError.Reason? {
        problem(with: Array(json.utf8))
    }

    private func problem(with json: [UInt8]) -> JSONError.Reason? {
        withBytes(of: json) { bytes in
            do throws(JSONError) {
                var reader = try JSONReader(bytes, scratch: ScratchArena())
                try reader.skip()
                try reader.finish()
                return nil
            } catch {
                return error.reason
            }
        }
    }

    private func string(_ json: String) throws -> String {
        try withBytes(of: json) { bytes in
            let scratch = ScratchArena()
            // The string borrows from the arena.
            defer { withExtendedLifetime(scratch) {} }
            var reader = try JSONReader(bytes, scratch: scratch)
            return try reader.string().text
        }
    }

    @Test(
        "well-formed values are passed over",
        arguments: [
            "{}", "[]", "0", "-0", "1.5e+3", "1E400", "true", "false", "null", "\"\"",
            " \t\r\n{ \"a\" : [ 1 , { } ] } ",
            #"{"a":{"b":[[],{},"x",null]},"c":-12.25e-7}"#, #""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#,
            "\u{FEFF}{}", "\"\u{7F}\u{2028}\"",
        ])
    func accepts(json: String) {
        #expect(problem(with: json) == nil)
    }

    @Test(
        "what is not JSON is refused",
        arguments: [
            ("", .unexpectedEnd), ("  ", .unexpectedEnd), ("{", .unexpectedEnd), ("[1", .unexpectedEnd),
            ("\"a", .unexpectedEnd), ("\"a\\", .unexpectedEnd), (#"{"a""#, .unexpectedEnd), (#"{"a":"#, .unexpectedEnd),
            ("{} x", .trailingBytes), ("{}{}", .trailingBytes), ("nulll", .trailingBytes), ("01", .invalidNumber),
            ("1.", .invalidNumber), (".5", .expected(.value)), ("-", .invalidNumber), ("1e", .invalidNumber),
            ("+1", .expected(.value)), ("1e+", .invalidNumber), ("-01", .invalidNumber), ("nul", .expected(.value)),
            ("True", .expected(.value)), ("NaN", .expected(.value)), ("-Infinity", .invalidNumber),
            ("'a'", .expected(.value)), ("{a:1}", .expected(.key)), ("{'a':1}", .expected(.key)),
            (#"{"a" 1}"#, .expected(.colon)), (#"{"a":1 "b":2}"#, .expected(.commaOrBrace)),
            (#"{"a":1,}"#, .expected(.key)), (#"{,"a":1}"#, .expected(.key)), ("[1 2]", .expected(.commaOrBracket)),
            ("[1,]", .expected(.value)), ("[,1]", .expected(.value)), ("[1}", .expected(.commaOrBracket)),
            (#"{"a":1]"#, .expected(.commaOrBrace)), ("{}/**/", .trailingBytes), (#""\q""#, .invalidEscape),
            (#""\U0041""#, .invalidEscape), (#""\u12"#, .invalidEscape), (#""\u12g4""#, .invalidEscape),
            (#""\ud800""#, .loneSurrogate), (#""\udc00""#, .loneSurrogate), (#""\ud800\u0041""#, .loneSurrogate),
            (#""\ud800\ud800""#, .loneSurrogate), (#""\ud800x\udc00""#, .loneSurrogate),
            ("\"a\nb\"", .unescapedControlCharacter), ("\"\u{0}\"", .unescapedControlCharacter),
            ("\u{FEFF}\u{FEFF}{}", .expected(.value)), ("\u{B}1", .expected(.value)),
        ] as [(String, JSONError.Reason)])
    func refuses(json: String, reason: JSONError.Reason) {
        #expect(problem(with: json) == reason)
    }

    @Test("bytes that are not UTF-8 are refused, wherever they stand")
    func refusesInvalidUTF8() {
        for wrong: [UInt8] in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82]] {
            #expect(problem(with: Array("{\"a\":\"".utf8) + wrong + Array("\"}".utf8)) == .invalidUTF8)
        }
    }

    @Test("nesting is followed to its limit and no further")
    func limitsDepth() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(problem(with: nested(512)) == nil)
        #expect(problem(with: nested(513)) == .tooDeep)
        #expect(problem(with: String(repeating: #"{"a":"#, count: 100_000)) == .tooDeep)
    }

    @Test("escapes are undone at every distance from a word's bounds")
    func unescapes() throws {
        for padding in 0..<20 {
            let before = String(repeating: "x", count: padding)
            #expect(try string("\"\(before)\\n\(before)\"") == before + "\n" + before)
            #expect(try string("\"\(before)\\ud83d\\ude00é\(before)\"") == before + "😀é" + before)
            #expect(try string("\"\(before)\"") == before)
        }
        #expect(try string(#""\"\\\/\b\f\n\r\t""#) == "\"\\/\u{8}\u{C}\n\r\t")
        #expect(
            try string(#""\u0000\u007f\u0080\u07ff\u0800\uffff\uDBFF\uDFFF""#).unicodeScalars.map(\.value) == [
                0, 0x7F, 0x80, 0x7FF, 0x800, 0xFFFF, 0x10FFFF,
            ])
    }

    @Test("strings with escapes stay valid while more are read")
    func keepsUnescapedStrings() throws {
        let json = "[" + (0..<5000).map { "\"\\u00e9\($0)\"" }.joined(separator: ",") + "]"
        try withBytes(of: json) { bytes in
            let scratch = ScratchArena(chunkSize: 256)
            defer { withExtendedLifetime(scratch) {} }
            for _ in 0..<2 {
                scratch.reset()
                var reader = try JSONReader(bytes, scratch: scratch)
                var strings: [UnsafeRawBufferPointer] = []
                try reader.beginArray()
                while try reader.nextElement() { strings.append(try reader.string()) }
                try reader.finish()
                #expect(strings.map(\.text) == (0..<5000).map { "é\($0)" })
            }
        }
    }

    @Test("fields are found by name, whatever their order, escapes and neighbours")
    func readsObjects() throws {
        let json = #" {"skip":{"text":"no"},"n":-7,"te\u0078t":"yes","list":[1.5,2e3],"flag":true,"nothing":null} "#
        try withBytes(of: json) { bytes in
            var reader = try JSONReader(bytes, scratch: ScratchArena())
            var seen: [String] = []
            try reader.beginObject()
            while let key = try reader.nextKey() {
                seen.append(key.text)
                if key.equals("text") {
                    #expect(try reader.string().text == "yes")
                } else if key.equals("n") {
                    #expect(try reader.integer() == -7)
                } else if key.equals("list") {
                    var numbers: [Double] = []
                    try reader.beginArray()
                    while try reader.nextElement() { numbers.append(try reader.double()) }
                    #expect(numbers == [1.5, 2000])
                } else if key.equals("flag") {
                    #expect(try reader.boolean())
                } else if key.equals("nothing") {
                    #expect(try reader.stringOrNull() == nil)
                } else {
                    #expect(try reader.rawValue().text == #"{"text":"no"}"#)
                }
            }
            try reader.finish()
            #expect(seen == ["skip", "n", "text", "list", "flag", "nothing"])
        }
    }

    @Test(
        "numbers become the nearest double",
        arguments: [
            "0", "-0", "0.912345", "1.000000", "123456789012345", "0.1", "1e-7", "-2.5E3", "179769313486231570000e289",
            "0.30000000000000004", "9007199254740993", "1234567.12345678901234567",
        ])
    func readsDoubles(number: String) throws {
        try withBytes(of: number) { bytes in
            var reader = try JSONReader(bytes, scratch: ScratchArena())
            #expect(try reader.double().bitPattern == Double(number)?.bitPattern)
        }
    }

    @Test("integers are whole and fit")
    func readsIntegers() throws {
        func integer(_ text: String) -> Int64? {
            withBytes(of: text) { bytes in
                guard var reader = try? JSONReader(bytes, scratch: ScratchArena()) else { return nil }
                return try? reader.integer()
            }
        }
        #expect(integer("9223372036854775807") == .max)
        #expect(integer("-9223372036854775808") == .min)
        for wrong in ["9223372036854775808", "1.0", "1e3", "\"1\"", "99999999999999999999999"] {
            #expect(integer(wrong) == nil)
        }
    }

    @Test("errors say where, and quote nothing")
    func describesErrors() {
        #expect {
            try withBytes(of: #"{"secret":tru}"#) { bytes throws(JSONError) in
                var reader = try JSONReader(bytes, scratch: ScratchArena())
                try reader.skip()
            }
        } throws: { error in
            "\(error)" == "expected a value at byte 10"
        }
    }
}
