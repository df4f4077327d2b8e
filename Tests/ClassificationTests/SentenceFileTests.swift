import Classification
import Foundation
import Testing

@Suite("Reading labelled sentences")
struct SentenceFileTests {
    private func parse(_ content: String) throws -> LabelledSentences {
        try SentenceFile(Array(content.utf8), path: "data").sentences
    }

    private func error(_ content: String) -> DataError? {
        #expect(throws: DataError.self) { try parse(content) }
    }

    private static let expected = LabelledSentences([
        (text: "un train, vite", label: "train"), (text: "dis \"bonjour\"", label: "other"),
    ])

    @Test(
        "Every format gives the same sentences and digest",
        arguments: [
            #"[{"text":"un train, vite","label":"train"},{"label":"other","text":"dis \"bonjour\"","more":[1,{"a":"}"}]}]"#,
            #"[ {"sentence": "un train, vite", "intent": "train"} , {"sentence": "dis \u0022bonjour\u0022", "intent": "other"} ]"#,
            "{\"text\":\"un train, vite\",\"label\":\"train\"}\n\n{\"text\":\"dis \\\"bonjour\\\"\",\"label\":\"other\"}\n",
            "text,label\n\"un train, vite\",train\n\"dis \"\"bonjour\"\"\",other\n",
            "Label;Sentence\r\ntrain;un train, vite\r\n\r\nother;\"dis \"\"bonjour\"\"\"",
            "intent\ttext\tnote\ntrain\tun train, vite\t\nother\t\"dis \"\"bonjour\"\"\"\tx",
            "sep=;\nlabel;text\ntrain;un train, vite\nother;\"dis \"\"bonjour\"\"\"\n",
            "\"sep=|\"\ncategory|id|query\ntrain|1|un train, vite\nother|2|\"dis \"\"bonjour\"\"\"\n",
            "target|utterance\ntrain|un train, vite\nother|\"dis \"\"bonjour\"\"\"\n",
            "__label__train un train, vite\n\n__label__other\tdis \"bonjour\"\n",
        ])
    func formats(content: String) throws {
        let feeds = content.replacing("\r\n", with: "\n")
        let ends = [feeds, feeds.replacing("\n", with: "\r\n"), feeds.replacing("\n", with: "\r")]
        for content in ends + ["\u{FEFF}" + content, "\n \n" + content] {
            let sentences = try parse(content)
            #expect(sentences == Self.expected)
            #expect(sentences.digest == Self.expected.digest)
        }
    }

    @Test("Classes are sorted, and count their sentences")
    func classes() throws {
        let sentences = try parse("text,label\nun,b\ndeux,a\ntrois,b\nquatre,É\n")
        #expect(sentences.labels == ["a", "b", "É"])
        #expect(sentences.targets == [1, 0, 1, 2])
        #expect(sentences.counts == [1, 2, 1])
    }

    @Test("A quoted field may go over lines, and lines still count")
    func embeddedNewlines() throws {
        #expect(try parse("text,label\n\"un\ntrain\",a\n").texts == ["un\ntrain"])
        let error = error("text,label\n\"un\ntrain\",a\ndeux\n")
        #expect(error?.line == 4)
    }

    @Test("The digest depends on sentences, classes and order, and on where they end")
    func digest() {
        let first = LabelledSentences([(text: "ab", label: "x"), (text: "c", label: "x")])
        let moved = LabelledSentences([(text: "a", label: "x"), (text: "bc", label: "x")])
        let swapped = LabelledSentences([(text: "c", label: "x"), (text: "ab", label: "x")])
        #expect(Set([first.digest, moved.digest, swapped.digest]).count == 3)
        #expect(first.digest.count == 64)
    }

    @Test(
        "Errors name the line and what to do",
        arguments: [
            ("[{\"text\":\"un\",\"label\":\"a\"},\n{\"text\":\"deux\"}]", 2, "label"),
            ("[{\"text\":\"un\",\"label\":\"a\"}\n{\"text\":\"deux\",\"label\":\"b\"}]", 2, "comma"),
            ("[{\"text\":\"un\",\"label\":\"a\"},\n]", 2, "object"),
            ("[{\"text\":\"un\",\"label\":\"a\"}", 1, "not closed"),
            ("[{\"text\":\"un\",\"label\":\"a\"}]\nmore", 2, "behind"),
            ("{\"text\":\"un\",\"label\":\"a\"}\n\n{\"text\":\"deux\"", 3, "not closed"),
            ("{\"text\":\"un\",\"label\":\"a\"}\nnot json", 2, "object"),
            ("{\"text\":\"un\",\"label\":\"a\"}\n{\"text\": un, \"label\":\"a\"}", 2, "well-formed"),
            ("{\"text\":3,\"label\":\"a\"}", 1, "a number"),
            ("{\"text\":\"un\",\"label\":null}", 1, "null"),
            ("{\"text\":\"un\",\"label\":[\"a\"]}", 1, "array"),
            ("{\"text\":\"un\",\"label\":\"a\"}\n{\"title\":\"deux\",\"label\":\"a\"}", 2, "“text”"),
            ("{\"data\":[{\"text\":\"un\",\"label\":\"a\"}]}", 1, "“data”"),
            ("{\"text\":\"un \\ud83d\",\"label\":\"a\"}", 1, "well-formed"),
            ("{\"text\":\"un\",\"label\":\"a\\u0000\"}", 1, "control"),
            ("{\"text\":\"un\",\"cats\":{\"a\":1,\"b\":1}}", 1, "2 are"),
            ("{\"text\":\"un\",\"cats\":{\"a\":0}}", 1, "0 are"),
            ("{\"text\":\"un\",\"accept\":[\"a\",\"b\"]}", 1, "2 classes"),
            ("{\"utterances\":[{\"text\":\"un\",\"intent\":\"a\"},\n{\"text\":\"deux\"}]}", 2, "intent"),
            (String(repeating: "[", count: 100_000), 1, "object"),
            ("{\"text\":\"un\",\"label\":" + String(repeating: "[", count: 100_000), 1, "deep"),
            ("text,label\nun,a\0", 2, "control"),
            ("text,label,text\nun,a,deux", 1, "2 columns “text”"),
            ("Text,label,text\nun,a,deux", 1, "2 columns"),
            ("id;text;label, final\n1;un;a", 1, "“label, final”"),
            ("text label", 1, "one column"),
            (
                "hotel,un hôtel à Nice\ntrain,un train pour Lyon", 1,
                "“hotel”, “un hôtel à Nice”. If that is not a header"
            ),
            ("un train __label__a", 1, "comes behind"),
            ("text,label\nun,\ndeux,a\ntrois,\n", 2, "1 more"),
            ("text,label\r\run,a\rdeux\r", 4, "columns"),
            ("text,label\r\n\"un\r\ntrain\",a\r\ndeux\r\n", 4, "columns"),
            ("{\"text\":\"un\",\"label\":\"a\"}\n{\"text\":\"  \",\"label\":\"a\"}", 2, "empty"),
            ("{\"text\":\"un\",\"label\":\" \"}", 1, "class"),
            ("phrase,classe\nun,a", 1, "header"),
            ("text,label\nun,a\nun, deux,a", 3, "columns"),
            ("text,label\nun,a\n\"deux,a\ntrois,b\n", 3, "not closed"),
            ("text,label\n\"un\" deux,a", 2, "behind"),
            ("__label__a un\nsans classe", 2, "__label__"),
            ("__label__a un\n__label__b", 2, "no sentence"),
            ("__label__a __label__b un", 1, "several"),
        ])
    func errors(content: String, line: Int, hint: String) {
        let error = error(content)
        #expect(error?.code == .malformed)
        #expect(error?.line == line, "\(error.map(String.init(describing:)) ?? "")")
        #expect(error?.description.hasPrefix("data:\(line): ") == true)
        #expect(error?.reason.contains(hint) == true, "\(error?.reason ?? "")")
    }

    @Test("No sentences are refused", arguments: ["", " \n\r\n", "\u{FEFF}", "[]", "text,label\n", "text\tlabel"])
    func empty(content: String) {
        #expect(error(content)?.code == .empty)
    }

    @Test("Other encodings are told from UTF-8, with their line")
    func encodings() throws {
        let latin = Array("text,label\nun,a\n".utf8) + [0xE9, 0x74, 0xE9] + Array(",a\n".utf8)
        let error = #expect(throws: DataError.self) { try SentenceFile(latin, path: "data") }
        #expect(error?.line == 3)
        #expect(error?.reason.contains("UTF-8") == true)
        // UTF-16 of both orders, with and without a mark.
        for bytes: [UInt8] in [[0xFF, 0xFE, 0x5B, 0x00], [0xFE, 0xFF, 0x00, 0x5B], [0x5B, 0x00], [0x00, 0x5B]] {
            let error = #expect(throws: DataError.self) { try SentenceFile(bytes, path: "data") }
            #expect(error?.reason.contains("UTF-16") == true)
            #expect(error?.line == 1)
        }
    }

    @Test("A missing file is told from a wrong one")
    func files() throws {
        let folder = try TemporaryFolder()
        let missing = #expect(throws: DataError.self) { try SentenceFile.read(path: folder.path("none")) }
        #expect(missing?.isMissing == true)
        let directory = #expect(throws: DataError.self) { try SentenceFile.read(path: folder.url.path) }
        #expect(directory?.code == .unreadable)
        let path = try folder.write(Array("text,label\nun,a\n".utf8), as: "data.json")
        let read = try SentenceFile.read(path: path)
        #expect(read.sentences.texts == ["un"], "the content tells the format, not the name")
        #expect(read.lines == [2])
    }

    @Test("Columns may be named, in their case or another; in JSON also by pointers")
    func columns() throws {
        let columns = SentenceColumns(text: "Subject", label: "Team")
        let table = "id,text,subject,TEAM,Subject\n1,non,non,a,un\n"
        #expect(try SentenceFile(Array(table.utf8), path: "data", columns: columns).sentences.texts == ["un"])
        let nested = #"{"text":"non","mail":{"subject":["non","un"]},"a/b":7}"#
        let pointers = SentenceColumns(text: "/mail/subject/1", label: "/a~1b")
        let file = try SentenceFile(Array(nested.utf8), path: "data", columns: pointers)
        #expect(file.sentences == LabelledSentences([(text: "un", label: "7")]))
    }

    @Test(
        "A wrong name lists what is there",
        arguments: [
            "id,text,label\n1,un,a\n", "{\"id\":1,\"text\":\"un\",\"label\":\"a\"}", "id|text|label\n1|un|a\n",
        ])
    func wrongColumn(content: String) {
        for columns in [SentenceColumns(text: "Subject"), SentenceColumns(label: "/Subject")] {
            let error = #expect(throws: DataError.self) {
                try SentenceFile(Array(content.utf8), path: "data", columns: columns)
            }
            #expect(error?.line == 1)
            for word in ["Subject", "“id”, “text”, “label”"] {
                #expect(error?.reason.contains(word) == true, "\(error?.reason ?? "")")
            }
        }
        let same = #expect(throws: DataError.self) {
            try SentenceFile(Array("a,b\n1,2".utf8), path: "data", columns: SentenceColumns(text: "a", label: "a"))
        }
        #expect(same?.reason.contains("both") == true)
    }

    @Test("Numbers are classes in JSON as in CSV, as they are written, and so is a truth value")
    func numericLabels() throws {
        let objects =
            (0...1).map { "{\"text\":\"un\",\"label\":\($0)}\n" }.joined() + "{\"text\":\"deux\",\"label\":true}"
        #expect(try parse(objects).labels == ["0", "1", "true"])
        #expect(try parse(objects) == parse("text,label\nun,0\nun,1\ndeux,true"))
        #expect(try parse("{\"text\":\"un\",\"label\":1.0}").labels == ["1.0"])
    }

    @Test(
        "Lines end at LF, CRLF or CR and nowhere else, in any format",
        arguments: ["\u{2028}", "\u{2029}", "\u{85}", "\u{B}", "\u{C}"])
    func lineEnds(character: String) throws {
        let text = "un\(character)train"
        let expected = LabelledSentences([(text: text, label: "a"), (text: "deux", label: "b")])
        #expect(try parse("__label__a \(text)\n__label__b deux\n") == expected)
        #expect(try parse("text,label\n\(text),a\ndeux,b\n") == expected)
        // JSON and YAML allow no vertical tab and no form feed in a text.
        if character != "\u{B}" && character != "\u{C}" {
            #expect(
                try parse("{\"text\":\"\(text)\",\"label\":\"a\"}\n{\"text\":\"deux\",\"label\":\"b\"}") == expected)
            let rasa = "nlu:\n- intent: a\n  examples: |\n    - \(text)\n- intent: b\n  examples: |\n    - deux\n"
            #expect(try parse(rasa) == expected)
        }
        let error = error("__label__a \(text)\nsans classe")
        #expect(error?.line == 2)
    }

    @Test("White space around a class, whether it shows or not, does not make another class")
    func labelSpace() throws {
        let labels = ["a", " a", "a\u{A0}", "\u{FEFF}a", "a\u{200B}\t", "\u{3000}a "]
        #expect(try parse("text\tlabel\n" + labels.map { "un\t\"\($0)\"\n" }.joined()).labels == ["a"])
        #expect(
            try parse(labels.map { "{\"text\":\"un\",\"label\":\"\($0.filter { $0 != "\t" })\"}" }.joined()).labels == [
                "a"
            ])
    }

    @Test("A separator inside the quotes of the header's names decides nothing")
    func quotedHeader() throws {
        for name in ["notes; old", "notes\told", "notes | old, or \"\"new\"\"", "a\nb"] {
            #expect(try parse("text,label,\"\(name)\"\nun,a,x\n").texts == ["un"])
            #expect(try parse("\"\(name)\";text;label\nx;un;a\n").texts == ["un"])
        }
    }

    @Test("Rows of separators and nothing else are blank, columns without a name are in nobody's way")
    func spreadsheets() throws {
        #expect(try parse("text,label,,\n,,,\nun,a,,\n,,,\n,,,").texts == ["un"])
        #expect(
            try parse("text,label,note,note\nun,a,x,y").texts == ["un"], "only a column that is read must be unique")
        #expect(try parse("sentence,text,label\nnon,un,a").texts == ["un"], "the more telling name")
    }

    @Test("Of two fields of one name the last counts")
    func duplicateKeys() throws {
        #expect(try parse(#"{"text": "non", "text": "un", "label": "a"}"#).texts == ["un"])
    }

    @Test("A file of one class says so with its line")
    func oneClass() throws {
        let file = try SentenceFile(Array("text,label\n\nun,a\ndeux,a\n".utf8), path: "data")
        let error = #expect(throws: DataError.self) { try file.requireTwoClasses() }
        #expect(error?.code == .oneClass)
        #expect(error?.description.hasPrefix("data:3: all sentences have the class “a”") == true)
    }
}

@Suite("Where labelled sentences come from")
struct DataInputTests {
    /// `text,label\nun,a\n` and `deux,b\n`, each packed by gzip.
    private static let members: [[UInt8]] = [
        [
            0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x2B, 0x49, 0xAD, 0x28, 0xD1, 0xC9, 0x49, 0x4C,
            0x4A, 0xCD, 0xE1, 0x2A, 0xCD, 0xD3, 0x49, 0xE4, 0x02, 0x00, 0xF3, 0xE8, 0x42, 0x0C, 0x10, 0x00, 0x00, 0x00,
        ],
        [
            0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4B, 0x49, 0x2D, 0xAD, 0xD0, 0x49, 0xE2, 0x02,
            0x00, 0x12, 0x91, 0x5C, 0xA3, 0x07, 0x00, 0x00, 0x00,
        ],
    ]

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func read(_ content: [UInt8]) throws -> SentenceFile {
        try SentenceFile.read(path: folder.write(content, as: "data"))
    }

    @Test("gzip is unpacked, several members and zeros behind them too")
    func gzip() throws {
        #expect(try read(Self.members[0]).sentences.texts == ["un"])
        #expect(try read(Self.members[0] + Self.members[1] + [0, 0, 0]).sentences.texts == ["un", "deux"])
    }

    @Test("gzip that is cut off or damaged says so, wherever")
    func damagedGzip() throws {
        let packed = Self.members[0]
        for length in 2..<packed.count {
            let error = #expect(throws: DataError.self) { try read(Array(packed[..<length])) }
            #expect(error?.reason.contains("gzip") == true, "cut to \(length) bytes")
        }
        for place in [2, packed.count - 12, packed.count - 6, packed.count - 1] {
            var bytes = packed
            bytes[place] ^= 0x55
            let error = #expect(throws: DataError.self) { try read(bytes) }
            #expect(error?.reason.contains("gzip") == true, "changed at \(place)")
        }
        let behind = #expect(throws: DataError.self) { try read(packed + Array("more".utf8)) }
        #expect(behind?.reason.contains("gzip") == true)
    }

    @Test("A pipe is read to its end")
    func pipe() async throws {
        let path = folder.path("pipe")
        #expect(mkfifo(path, 0o600) == 0)
        let content = "text,label\n" + String(repeating: "un train,a\n", count: 50_000)
        async let writing: Void = Task.detached { try Data(content.utf8).write(to: URL(filePath: path)) }.value
        let file = try await Task.detached { try SentenceFile.read(path: path) }.value
        try await writing
        #expect(file.sentences.texts.count == 50_000)
    }

    @Test("A device without end is no text")
    func device() throws {
        let error = #expect(throws: DataError.self) { try SentenceFile.read(path: "/dev/zero") }
        #expect(error?.reason.contains("is not text") == true)
    }
}
