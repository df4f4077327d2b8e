import Classification
import Foundation
import Messages
import Testing
import Worker
import WorkerTestSupport

/// What the answerer makes of requests with other settings for replies than the defaults. The classifier gives the class
/// of a sentence 0.9.
@Suite("Decisions, formats and routes")
struct DecisionTests {
    private struct Result {
        var code: ErrorCode?
        var topic: String
        var reply: DeliveryPlan.Reply
        var value: String
        var label: String
        var confidence: String
    }

    private func settings(_ change: (inout ReplySettings) -> Void) -> ReplySettings {
        var settings = ReplySettings()
        change(&settings)
        return settings
    }

    /// Answers requests; `topic` is what the request names.
    private func answer(
        _ settings: ReplySettings, _ requests: [(value: String, topic: String?)], deadlines: [Int: String] = [:],
        schemaIDs: [Int: Int32] = [:],
        classifier: FixedClassifier = FixedClassifier()
    ) throws -> [Result] {
        let topics = ReplyTopics(["replies", "gateway"], settings: settings)
        let format = RequestFormat(
            maximumTextBytes: 100, addedField: settings.format == .enriched ? settings.enrichField : nil)
        let batch = Batch(slot: 0, format: format)
        let answerer = try BatchAnswerer(
            classifier: classifier, replyTopics: topics, settings: settings, schemaIDs: schemaIDs)
        let kept = KeptBytes()
        defer { withExtendedLifetime(kept) {} }
        answerer.begin()
        let topic = kept.keep("sentences")
        for (offset, request) in requests.enumerated() {
            var headers = RequestHeaders()
            if let deadline = deadlines[offset] {
                headers.add(name: HeaderName.deadline.bytes, value: kept.keep(deadline))
            }
            if let name = request.topic { headers.add(name: HeaderName.replyTopic.bytes, value: kept.keep(name)) }
            answerer.add(
                to: batch, headers: headers, value: kept.keep(request.value),
                source: RecordSource(topic: topic, partition: 3, offset: Int64(offset)), timestamp: 0)
        }
        answerer.finish(batch) { 1_767_323_045_678 }
        return batch.answers.map { answer in
            func text(_ range: Range<Int>) -> String {
                String(decoding: batch.arena.bytes(in: range), as: UTF8.self)
            }
            let note = batch.note(of: Int(answer.source.offset))
            let code = answer.plan.failure?.code
            return Result(
                code: code, topic: topics.names[topics.index(of: answer)],
                reply: answer.plan.reply, value: text(answer.value), label: text(note?.label ?? 0..<0),
                confidence: text(note?.confidence ?? 0..<0))
        }
    }

    @Test("of a model with an encoder, full and enriched replies tell the stage")
    func stages() throws {
        var model = FixedClassifier().model
        model.hasEncoder = true
        let classifier = FixedClassifier(model: model)
        let results = try answer(
            settings { _ in }, [(#"{"text":"a?"}"#, nil), (#"{"text":"a"}"#, nil)], classifier: classifier)
        #expect(results[0].value.hasSuffix(#""model":"fixed@0123456789ab","stage":"linear"}"#))
        #expect(results[1].value.hasSuffix(#""model":"fixed@0123456789ab","stage":"encoder"}"#))
        let enriched = try answer(
            settings { $0.format = .enriched }, [(#"{"text":"a"}"#, nil)], classifier: classifier)
        #expect(enriched[0].value.hasSuffix(#""model":"fixed@0123456789ab","stage":"encoder"}}"#))
        let flat = try answer(settings { $0.format = .flat }, [(#"{"text":"a"}"#, nil)], classifier: classifier)
        #expect(!flat[0].value.contains("stage"))
        #expect(try !answer(settings { _ in }, [(#"{"text":"a"}"#, nil)])[0].value.contains("stage"))
    }

    @Test("who expires while an encoder works on others is told so, and the others are answered")
    func expiringMeanwhile() throws {
        var model = FixedClassifier().model
        model.hasEncoder = true
        let batch = Batch(slot: 0, format: RequestFormat(maximumTextBytes: 100))
        let topics = ReplyTopics(["replies"], settings: ReplySettings())
        let answerer = try BatchAnswerer(classifier: FixedClassifier(model: model), replyTopics: topics)
        let kept = KeptBytes()
        defer { withExtendedLifetime(kept) {} }
        answerer.begin()
        for (offset, deadline) in ["2000", "9000"].enumerated() {
            var headers = RequestHeaders()
            headers.add(name: HeaderName.deadline.bytes, value: kept.keep(deadline))
            answerer.add(
                to: batch, headers: headers, value: kept.keep(#"{"text":"a"}"#),
                source: RecordSource(topic: kept.keep("sentences"), partition: 0, offset: Int64(offset)), timestamp: 0)
        }
        var now: Int64 = 1_000
        answerer.finish(batch) {
            defer { now = 3_000 }
            return now
        }
        #expect(batch.answers[0].plan.failure?.code == .deadlineExceeded)
        #expect(batch.answers[1].plan.failure == nil)
        #expect(batch.encoderCount == 1)
        #expect(batch.encoderTime > .zero)
    }

    private let full =
        #"{"id":"sentences/3/%","label":"question","probabilities":{"question":0.900000,"statement":0.100000},"#
        + #""model":"fixed@0123456789ab"}"#

    @Test("a request that names its topic gets a full reply there, whatever the settings say of format, top and routes")
    func directed() throws {
        let answers = try answer(
            settings {
                $0.format = .flat
                $0.top = 1
                $0.routes = [.init(label: "question", topic: "questions"), .init(label: "error", topic: "errors")]
            }, [(#"{"text":"a?"}"#, "gateway"), (#"{"text":"a?"}"#, nil), ("bad", "gateway"), ("bad", nil)])
        #expect(answers.map(\.topic) == ["gateway", "questions", "gateway", "errors"])
        #expect(answers[0].value == full.replacingOccurrences(of: "%", with: "0"))
        #expect(
            answers[1].value
                == #"{"id":"sentences/3/1","label":"question","confidence":0.900000,"model":"fixed@0123456789ab","#
                + #""classified_at":"2026-01-02T03:04:05.678Z"}"#)
        #expect(answers[2].value.hasPrefix(#"{"id":"sentences/3/2","error":"#) && answers[2].reply == .whole)
        #expect(answers[3].value.hasPrefix(#"{"id":"sentences/3/3","error":"#) && answers[3].reply == .whole)
    }

    @Test("topics of flat and enriched replies hold no errors", arguments: [ReplyFormat.flat, .enriched])
    func errors(format: ReplyFormat) throws {
        let requests: [(String, String?)] = [
            ("bad", nil), (#"{"text":"boom"}"#, nil), (#"{"text":"a"}"#, "other"), (#"{"text":"a"}"#, nil),
            ("bad", "gateway"),
        ]
        let answers = try answer(settings { $0.format = format }, requests)
        #expect(answers.map(\.code) == [.malformedJSON, .classifierFailed, .replyTopicNotAllowed, nil, .malformedJSON])
        #expect(answers.map(\.reply) == [.none, .none, .none, .whole, .whole])
        let full = try answer(settings { $0.format = .full }, requests)
        #expect(full.map(\.reply) == [.whole, .whole, .whole, .whole, .whole])
        #expect(full.map(\.topic) == ["replies", "replies", "replies", "replies", "gateway"])
    }

    @Test("each label goes where its route leads, unsure replies to theirs, all others to the default")
    func routes() throws {
        let settings = settings {
            $0.unsureBelow = .fixed(0.95)
            $0.unsureLabel = "à voir"
            $0.routes = [.init(label: "question", topic: "questions"), .init(label: "unsure", topic: "review")]
        }
        let answers = try answer(settings, [(#"{"text":"a?"}"#, nil), (#"{"text":"a"}"#, "gateway")])
        #expect(answers.map(\.topic) == ["review", "gateway"])
        #expect(answers[0].value.contains(#""label":"à voir","best":"question","probabilities":{"question":0.9"#))
        #expect(answers[1].value.contains(#""label":"à voir","best":"statement""#))
        var sure = settings
        sure.unsureBelow = .fixed(0.9)
        #expect(
            try answer(sure, [(#"{"text":"a?"}"#, nil), (#"{"text":"a"}"#, nil)]).map(\.topic)
                == ["questions", "replies"])
        sure.routes[1].label = "à voir"
        sure.unsureBelow = .fixed(1)
        #expect(try answer(sure, [(#"{"text":"a?"}"#, nil)]).map(\.topic) == ["review"])
    }

    @Test("an enriched reply is the request's own object, in its place also when others of the batch fail or expire")
    func enriched() throws {
        let answers = try answer(
            settings {
                $0.format = .enriched
                $0.top = 1
            },
            [
                (#"{"text":"a?", "n":1}"#, nil), ("bad", nil), (#"{"text":"boom"}"#, nil),
                (#"{"n":2,"text":"b"}"#, nil),
                (#"{"text":"c"}"#, "gateway"), (#"{"text":"late","n":3}"#, nil), (#"{"n":4,"text":"d"}"#, nil),
            ], deadlines: [0: "1767323045678", 5: "1"])
        func classification(_ label: String) -> String {
            #""classification":{"label":"\#(label)","confidence":0.900000,"probabilities":{"\#(label)":0.900000},"#
                + #""model":"fixed@0123456789ab"}}"#
        }
        #expect(answers[0].value == #"{"text":"a?", "n":1,"# + classification("question"))
        #expect(answers[3].value == #"{"n":2,"text":"b","# + classification("statement"))
        #expect(answers[5].code == .deadlineExceeded && answers[5].reply == .none && answers[5].value.isEmpty)
        #expect(answers[6].value == #"{"n":4,"text":"d","# + classification("statement"))
        #expect(answers[4].value.hasPrefix(#"{"id":"sentences/3/4","label":"statement","probabilities":{"question""#))
    }

    @Test("headers repeat label and confidence, also to a topic that the request names")
    func headers() throws {
        let answers = try answer(
            settings {
                $0.headers = [.label, .confidence]
                $0.unsureBelow = .fixed(0.95)
            }, [(#"{"text":"a?"}"#, nil), (#"{"text":"a"}"#, "gateway"), ("bad", nil)])
        #expect(answers.map(\.label) == ["unsure", "unsure", ""])
        #expect(answers.map(\.confidence) == ["0.900000", "0.900000", ""])
    }

    @Test("flat replies are Avro where the topic has a schema")
    func avro() throws {
        let answers = try answer(
            settings { $0.format = .flat }, [(#"{"text":"a?"}"#, nil), (#"{"text":"a?"}"#, "gateway")],
            schemaIDs: [0: 258])
        #expect(answers[0].value.utf8.starts(with: [0, 0, 0, 1, 2, 26]))
        #expect(answers[1].value.hasPrefix("{"))
    }

    @Test("what does not fit the model is told, and a model without a threshold is not used where one is asked for")
    func findings() {
        let model = ModelDescription(
            name: "m", version: "0123456789ab", labels: ["a", "unsure", "error"], language: "und")
        let routes = settings {
            $0.routes = [
                .init(label: "b", topic: "t"), .init(label: "a", topic: "t"), .init(label: "error", topic: "e"),
            ]
        }
        #expect(routes.findings(on: model).count == 2)
        #expect(routes.findings(on: model)[0].hasPrefix("--route b=t: m@0123456789ab has no class of this name"))
        #expect(settings { $0.unsureBelow = .fixed(0.5) }.findings(on: model).count == 1)
        #expect(ReplySettings().findings(on: model).isEmpty)
        var trained = model
        trained.threshold = 0.5
        let byModel = settings { $0.unsureBelow = .model }
        #expect(throws: WorkerError.self) { try byModel.check(model) }
        #expect(throws: Never.self) { try byModel.check(trained) }
        #expect(throws: Never.self) { try ReplySettings().check(model) }
    }
}
