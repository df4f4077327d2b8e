import Classification
import Foundation
import Testing

@Suite("Files of other tools")
struct ToolFileTests {
    private static let expected = LabelledSentences([
        (text: "un train pour Lyon", label: "train"), (text: "bonjour", label: "other"),
    ])

    private func file(_ content: String) throws -> SentenceFile {
        try SentenceFile(Array(content.utf8), path: "data")
    }

    private func error(_ content: String) -> DataError? {
        #expect(throws: DataError.self) { try file(content) }
    }

    @Test(
        "Each is known by its shape",
        arguments: [
            (
                "spaCy",
                #"{"text":"un train pour Lyon","cats":{"train":1.0,"other":0}} {"text":"bonjour","cats":{"train":0,"other":true}}"#
            ),
            (
                "spaCy",
                #"[{"text":"un train pour Lyon","cats":{"train":1.0,"other":0}}, {"text":"bonjour","cats":{"other":0.9}}]"#
            ),
            (
                "Prodigy",
                #"""
                {"text":"un train pour Lyon","accept":["train"],"answer":"accept","options":[{"id":"train"},{"id":"other"}]}
                {"text":"bof","accept":["other"],"answer":"reject"}
                {"text":"bof","accept":["other"],"answer":"ignore"}
                {"text":"bof","accept":[],"answer":"accept"}
                {"text":"bonjour","accept":["other"],"answer":"accept"}
                """#
            ),
            (
                "field “text” for the sentence, “label” for the class",
                #"{"text":"un train pour Lyon","label":"train","answer":"accept"}{"text":"non","label":"train","answer":"reject"}{"text":"bonjour","label":"other","answer":"accept"}"#
            ),
            (
                "LUIS",
                #"{"luis_schema_version":"7.0.0","intents":[{"name":"train"}],"utterances":[{"text":"un train pour Lyon","intent":"train","entities":[]},{"text":"bonjour","intent":"other"}]}"#
            ),
            (
                "CLU",
                #"{"projectFileVersion":"2022-05-01","assets":{"intents":[{"category":"train"}],"utterances":[{"text":"un train pour Lyon","language":"fr","intent":"train"},{"text":"bonjour","intent":"other"}]}}"#
            ),
            (
                "Snips",
                #"{"language":"fr","entities":{},"intents":{"train":{"utterances":[{"data":[{"text":"un train pour "},{"text":"Lyon","entity":"city","slot_name":"to"}]}]},"other":{"utterances":[{"data":[{"text":"bonjour"}]}]}}}"#
            ),
            (
                "Rasa NLU",
                #"{"rasa_nlu_data":{"regex_features":[],"common_examples":[{"text":"un train pour Lyon","intent":"train","entities":[]},{"text":"bonjour","intent":"other"}]}}"#
            ),
            (
                "Rasa NLU",
                """
                # a comment
                version: "3.1"
                nlu:
                - lookup: city
                  examples: |
                    - Lyon
                - intent: train
                  examples: |

                    - un train pour [Lyon](city)
                    # another comment
                - intent: "other"
                  examples:
                  - text: |
                      bonjour
                    metadata:
                      sentiment: neutral
                responses:
                  utter_other:
                  - text: "non"
                """
            ),
        ])
    func shapes(source: String, content: String) throws {
        let file = try file(content)
        #expect(file.sentences == Self.expected)
        #expect(file.source.contains(source), "\(file.source)")
        for ends in ["\r\n", "\r"] {
            let other = try SentenceFile(Array(content.replacing("\n", with: ends).utf8), path: "data")
            #expect(other.sentences == Self.expected)
            #expect(other.lines == file.lines)
        }
    }

    @Test("What was rejected, ignored or left undecided is counted")
    func leftOut() throws {
        let lines = [
            #"{"text":"bof","accept":["a"],"answer":"ignore"}"#, #"{"text":"un","accept":["a"],"answer":"accept"}"#,
            #"{"text":"bof","accept":[],"answer":"accept"}"#, #"{"text":"bof","accept":["a"],"answer":"reject"}"#,
        ]
        let file = try file(lines.joined(separator: "\n"))
        #expect(file.leftOut == 3)
        #expect(file.lines == [2])
        let none = error(lines[0] + lines[2])
        #expect(none?.code == .empty)
        #expect(none?.reason.contains("2 ") == true)
    }

    @Test(
        "Marks of entities go, other brackets stay",
        arguments: [
            ("de [Paris](city) à [Lyon]{\"entity\": \"city\", \"role\": \"to\"}", "de Paris à Lyon"),
            ("[un](a:b) [deux][{\"entity\": \"x\"}, {\"entity\": \"y\"}] trois", "un deux trois"),
            ("un [deux] trois", "un [deux] trois"), ("[un", "[un"), ("un](a)", "un](a)"), ("[un](deux", "[un](deux"),
            ("a[0] (b) [c](d)", "a[0] (b) c"), ("[]()", "[]()"),
        ])
    func entities(marked: String, plain: String) throws {
        let file = try file("nlu:\n- intent: a\n  examples: |\n    - \(marked)\n    - x\n")
        #expect(file.sentences.texts == [plain, "x"])
    }

    @Test(
        "What is wrong in Rasa's YAML is told with its line",
        arguments: [
            ("nlu:\n- intent: a\n  examples: |\n    - un\n    deux\n", 5, "“- ”"),
            ("nlu:\n- intent: a\n  examples: [x, [y]]\n", 3, "no text"),
            ("nlu:\n- intent: a\n", 2, "no examples"),
            ("nlu:\n- a\n", 2, "kind"),
            ("nlu:\n- intent: a\n   examples: |\n    - un\n", 3, "YAML"),
            ("nlu:\n- intent: a\n  intent: b\n", 2, "twice"),
            ("nlu:\n- intent: \"a\n", 3, "YAML"),
            ("nlu:\n- intent: a\n  examples: |\n    - u\u{1}n\n", 4, "YAML"),
            ("nlu:\n- intent: &a x\n  examples: *a\n", 3, "write that out"),
            ("nlu:\n- intent: a\n  examples: " + String(repeating: "[", count: 100_000), 3, "YAML"),
            ("nlu:\n- intent: a\n  examples: |\n    -\n", 4, "empty"),
        ])
    func rasaErrors(content: String, line: Int, hint: String) {
        let error = error(content)
        #expect(error?.code == .malformed)
        #expect(error?.line == line, "\(error.map(String.init(describing:)) ?? "")")
        #expect(error?.reason.contains(hint) == true, "\(error?.reason ?? "")")
        #expect(error?.description.contains("\n") == false)
    }

    @Test("A file of Rasa without intents has no sentences")
    func noIntents() {
        #expect(error("nlu:\n- synonym: a\n  examples: |\n    - b\n")?.code == .empty)
        #expect(error("nlu:\n")?.code == .malformed)
    }

    @Test("Damage anywhere is an error or other sentences, never the end of the program")
    func damage() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Inputs")
        var random = SplitMix(state: 7)
        let marks = Array("\0\n\r\",;|\t{}[]:-&*!%@`'#\\".utf8) + [0x85, 0xC2, 0xE2, 0xFF]
        for name in ["tickets.csv", "restaurant.yml", "reviews.jsonl"] {
            let whole = [UInt8](try Data(contentsOf: folder.appending(path: name)))
            for _ in 0..<150 {
                var bytes = whole
                for _ in 0..<1 + random.below(12) {
                    bytes[random.below(bytes.count)] = marks[random.below(marks.count)]
                }
                if random.below(4) == 0 { bytes.removeLast(random.below(bytes.count)) }
                do {
                    let file = try SentenceFile(bytes, path: name)
                    #expect(file.lines.count == file.sentences.texts.count)
                } catch {
                    #expect(!error.description.contains { $0.isNewline }, "\(error)")
                }
            }
        }
    }
}
