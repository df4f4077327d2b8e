import Classification
import Foundation
import Testing

@Suite("Looking through the data")
struct DataReviewTests {
    private func review(_ rows: [(String, String)]) throws -> DataReview {
        let lines = rows.map { "\($0.0)\t\($0.1)\n" }.joined()
        return DataReview(try SentenceFile(Array("text\tlabel\n\(lines)".utf8), path: "data"))
    }

    /// Sentences in which nothing is wrong.
    private static let sound = ["a", "b"].flatMap { label in (0..<10).map { ("phrase \(label) \($0)", label) } }

    private func message(_ kind: DataReview.Finding.Kind, _ more: [(String, String)]) throws -> String? {
        let findings = try review(Self.sound + more).findings
        #expect(findings.count <= 1, "\(findings)")
        return findings.first { $0.kind == kind }?.message
    }

    @Test("In sound data it finds nothing, and counts the classes, the largest first")
    func sound() throws {
        let review = try review(Self.sound + [("encore une", "b")])
        #expect(review.findings == [])
        #expect(review.classes == "b 11, a 10")
    }

    @Test("A sentence that is there twice, with its lines")
    func repeated() throws {
        let message = try #require(try message(.repeated, [("Phrase A, 3 !", "a"), ("phrase a 3", "a")]))
        #expect(message.hasPrefix("1 sentence is there twice or more"))
        #expect(message.contains("“phrase a 3” (lines 5, 22, 23)"))
        let many = try #require(try self.message(.repeated, (0..<10).map { ("phrase b \($0)", "b") }))
        #expect(many.hasPrefix("10 sentences"))
        #expect(many.hasSuffix("and 7 more"))
    }

    @Test("Sentences without words are told apart by their characters")
    func wordless() throws {
        #expect(try message(.contradicting, [("!", "a"), ("?", "b")]) == nil)
        #expect(try message(.contradicting, [("!", "a"), ("!", "b")]) != nil)
    }

    @Test("A sentence under several classes, with the lines of each")
    func contradicting() throws {
        let message = try #require(
            try message(.contradicting, [("bonjour", "a"), ("Bonjour !", "b"), ("bonjour", "a"), ("merci", "a")]))
        #expect(message == "1 sentence stands under several classes: “bonjour” is a (lines 22, 24) and b (line 23)")
    }

    @Test("Classes that differ only in case or space")
    func similar() throws {
        let more = (0..<10).flatMap {
            [("autre \($0)", "A"), ("encore \($0)", "find train"), ("et \($0)", "Find  Train")]
        }
        let message = try #require(try message(.similarClasses, more))
        #expect(
            message.hasSuffix(
                ": “A” (10 sentences) and “a” (10 sentences); “Find  Train” (10 sentences) and “find train” (10 sentences)"
            ))
        #expect(try self.message(.similarClasses, (0..<10).map { ("autre \($0)", "á") }) == nil)
    }

    @Test("Classes too small to be judged")
    func small() throws {
        let message = try #require(try message(.smallClasses, [("un", "c"), ("deux", "d"), ("trois", "d")]))
        #expect(
            message
                == "2 classes with fewer than 10 sentences, too few to be judged: “c” has 1, “d” has 2")
    }

    @Test("Messages stay on their line, whatever a sentence holds")
    func escaping() throws {
        let rows = [("\"un\ndeux\u{1B}[31m\u{9B}\u{2028}\"", "a"), ("un deux 31m", "b")]
        let message = try #require(try message(.contradicting, rows))
        #expect(message.contains("un\\u{A}deux"))
        #expect(!message.unicodeScalars.contains { $0.value < 0x20 || 0x7F...0x9F ~= $0.value || $0.value == 0x2028 })
    }

    @Test("The weakest classes, and what they are confused with")
    func weakest() {
        // a: 12 right, 6 taken for b, 2 for c; b: 18 right, 2 taken for a; c: 20 right; d: 1, too few.
        let rows: [(target: Int, given: Int, times: Int)] = [
            (0, 0, 12), (0, 1, 6), (0, 2, 2), (1, 1, 18), (1, 0, 2), (2, 2, 20), (3, 0, 1),
        ]
        let pairs = rows.flatMap { row in Array(repeating: (row.target, row.given), count: row.times) }
        let evaluation = Evaluation(
            labels: ["a", "b", "c", "d"], targets: pairs.map(\.0),
            probabilities: pairs.flatMap { pair in (0..<4).map { $0 == pair.1 ? 1 : 0 } })
        #expect(
            evaluation.weakest
                == "a (F1 0.69, confused with b 8 times, c 2 times); b (F1 0.82, confused with a 8 times); "
                + "c (F1 0.95, confused with a 2 times)")
        let perfect = Evaluation(labels: ["a", "b"], targets: [0, 1], probabilities: [1, 0, 0, 1])
        #expect(perfect.weakest == nil)
    }
}
