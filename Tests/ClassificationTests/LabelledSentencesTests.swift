import Classification
import Foundation
import Testing

@Suite("Reading labelled sentences")
struct LabelledSentencesTests {
    private func parse(_ content: String) throws -> LabelledSentences {
        try LabelledSentences.parse(Array(content.utf8), path: "data")
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
            "__label__train un train, vite\n\n__label__other\tdis \"bonjour\"\n",
        ])
    func formats(content: String) throws {
        for content in [content, "\u{FEFF}" + content, "\n \n" + content] {
            let sentences = try parse(content)
            #expect(sentences == Self.expected)
            #expect(sentences.digest == Self.expected.digest)
        }
        #expect(try parse(content.replacing("\n", with: "\r\n").replacing("\r\r", with: "\r")) == Self.expected)
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
            ("{\"text\":\"un\",\"label\":3}", 1, "string"),
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
        let error = #expect(throws: DataError.self) { try LabelledSentences.parse(latin, path: "data") }
        #expect(error?.line == 3)
        let utf16: [UInt8] = [0xFF, 0xFE, 0x5B, 0x00]
        #expect(throws: DataError.self) { try LabelledSentences.parse(utf16, path: "data") }
    }

    @Test("A missing file is told from a wrong one")
    func files() throws {
        let folder = try TemporaryFolder()
        let missing = #expect(throws: DataError.self) { try LabelledSentences.read(path: folder.path("none")) }
        #expect(missing?.isMissing == true)
        let directory = #expect(throws: DataError.self) { try LabelledSentences.read(path: folder.url.path) }
        #expect(directory?.code == .unreadable)
        let path = try folder.write(Array("text,label\nun,a\n".utf8), as: "data.json")
        #expect(try LabelledSentences.read(path: path).texts == ["un"], "the content tells the format, not the name")
    }
}
