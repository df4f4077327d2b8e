import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Whether ``AnswersAreValid`` would see an answer that has changed.
    @Suite("Answers are valid") struct AnswersAreValidTests {
        private static let reply =
            #"{"id":"1","label":"a","probabilities":{"a":0.750000,"b":0.250000},"model":"m@0123456789ab"}"#
        private static let result =
            #"{"id":"1","label":"a","confidence":0.750000,"probabilities":{"a":0.750000,"b":0.250000},"#
            + #""model":"m@0123456789ab"}"#
        private static let flat =
            #"{"id":"1","label":"a","confidence":0.750000,"model":"m@0123456789ab","classified_at":"2026-01-02T03:04:05.678Z"}"#
        private static let enriched =
            #"{"text":"x","classification":{"label":"unsure","best":"a","confidence":0.750000,"#
            + #""probabilities":{"a":0.750000,"b":0.250000},"model":"m@0123456789ab"}}"#
        private static let error = #"{"id":"1","error":{"code":"empty_text","message":"m"}}"#
        private static let call = "POST /v1/classify 200 application/json"

        private func problems(_ what: String, _ answer: String) throws -> String? {
            try AnswersAreValid.problems(of: [Array("\(what)\t\(answer)\n".utf8)])
        }

        @Test("answers that are right") func answersThatAreRight() throws {
            let lines = [
                "ok\t\(Self.reply)\n", "empty_text\t\(Self.error)\n", "\(Self.call)\t\(Self.result)\n",
                "ok\t\(Self.flat)\n", "ok\t\(Self.enriched)\n",
            ]
            #expect(try AnswersAreValid.problems(of: lines.map { Array($0.utf8) }) == nil)
        }

        @Test(
            "a field that has another name",
            arguments: [("ok", reply), (call, result), ("empty_text", error)].flatMap { what, answer in
                ["id", "label", "confidence", "probabilities", "model", "error", "code", "message"]
                    .filter { answer.contains("\"\($0)\":") }.map { (what, answer, $0) }
            })
        func aFieldThatHasAnotherName(what: String, answer: String, field: String) throws {
            let renamed = answer.replacingOccurrences(of: "\"\(field)\":", with: "\"other\":")
            #expect(try problems(what, renamed)?.contains("\"\(field)\" is a required property") == true)
        }

        @Test(
            "an answer that is wrong",
            arguments: [
                (call, #""id":"1""#, #""id":1"#), ("ok", #""id":"1""#, #""id":1"#),
                ("ok", #""model":"m@0123456789ab""#, #""model":"m""#), ("ok", #""label":"a""#, #""label":"b""#),
                ("ok", #""label":"a""#, #""label":"c""#), ("ok", "0.250000", "0.260000"), ("ok", "0.250000", "NaN"),
                ("ok", "0.250000", #""0.25""#), ("ok", #"ab"}"#, #"ab""#), ("ok", reply, ""),
                ("empty_text", reply, error + "\n"),
                ("malformed_json", reply, error), ("", reply, error), ("ok", reply, error),
                ("no_such_code", reply, error),
            ])
        func anAnswerThatIsWrong(what: String, part: String, other: String) throws {
            try #require(Self.reply.contains(part))
            #expect(try problems(what, Self.reply.replacingOccurrences(of: part, with: other)) != nil)
        }

        @Test(
            "a flat or enriched reply that is wrong",
            arguments: [
                (flat, #""confidence":0.750000"#, #""confidence":"0.75""#), (flat, "T03:04", " 03:04"),
                (flat, #""label":"a","#, ""), (enriched, #""best":"a""#, #""best":"b""#),
                (enriched, "0.250000", "0.260000"),
                (enriched, #""confidence":0.750000,"#, ""),
            ])
        func aReplyOfAnotherFormatThatIsWrong(answer: String, part: String, other: String) throws {
            try #require(answer.contains(part))
            #expect(try problems("ok", answer.replacingOccurrences(of: part, with: other)) != nil)
        }

        @Test("what a test has seen is looked at once") func whatATestHasSeenIsLookedAtOnce() throws {
            SeenAnswers.shared.add(to: "ok", Self.reply)
            #expect(SeenAnswers.shared.takeAll() == [Array("ok\t\(Self.reply)\n".utf8)])
            #expect(SeenAnswers.shared.takeAll().isEmpty)
        }

        @Test("a test that has seen an answer that is wrong fails") func aTestThatHasSeenAnAnswer() async throws {
            try await withKnownIssue {
                SeenAnswers.shared.add(to: "ok", Self.error)
                try await AnswersAreValid().provideScope(for: #require(Test.current), testCase: nil) {}
            } matching: {
                $0.description.contains("\"label\" is a required property")
            }
        }
    }
}
