import Messages
import Testing
import Worker
import WorkerTestSupport

@Suite("Answering a batch")
struct BatchAnswererTests {
    private let batch = Batch(slot: 0, format: RequestFormat(maximumTextBytes: 100))

    private func answerer() throws -> BatchAnswerer {
        try BatchAnswerer(classifier: FixedClassifier(), replyTopics: ReplyTopics(["replies", "gateway"]))
    }

    /// Answers requests with these values and headers, and returns each one's code (nil: a classification) and value.
    private func answer(
        _ requests: [(value: String, headers: [(String, String)])], now: [Int64] = [1_000]
    ) throws -> [(code: ErrorCode?, topic: Int, value: String)] {
        let answerer = try answerer()
        let kept = KeptBytes()
        defer { withExtendedLifetime(kept) {} }
        answerer.begin()
        let topic = kept.keep("sentences")
        for (offset, request) in requests.enumerated() {
            var headers = RequestHeaders()
            for (name, value) in request.headers { headers.add(name: kept.keep(name), value: kept.keep(value)) }
            answerer.add(
                to: batch, headers: headers, value: kept.keep(request.value),
                source: RecordSource(topic: topic, partition: 3, offset: Int64(offset)), timestamp: 0)
        }
        var clock = now[...]
        answerer.finish(batch) { clock.count > 1 ? clock.removeFirst() : clock.first ?? 0 }
        #expect(Set(batch.failed) == Set(batch.answers.indices.filter { batch.answers[$0].plan.failure != nil }))
        defer { batch.reset() }
        return batch.answers.map {
            ($0.plan.failure?.code, $0.topic, String(decoding: batch.arena.bytes(in: $0.value), as: UTF8.self))
        }
    }

    @Test("bad requests are set aside, and the others of the batch answered in their places")
    func mixture() throws {
        let answers = try answer([
            (#"{"text":"is it?","id":"a"}"#, []), ("nonsense", []), (#"{"text":"it is"}"#, []),
            (#"{"no":"text"}"#, []), (#"{"text":"   "}"#, []), ("plain?", [("content-type", "text/plain")]),
            ("x", [("content-type", "image/png")]),
            (#"{"text":"\#(String(repeating: "x", count: 101))"}"#, []),
        ])
        #expect(
            answers.map(\.code) == [
                nil, .malformedJSON, nil, .missingText, .emptyText, nil, .unsupportedContentType, .textTooLong,
            ])
        #expect(
            answers[0].value
                == #"{"id":"a","label":"question","probabilities":{"question":0.900000,"statement":0.100000},"#
                + #""model":"fixed@0123456789ab"}"#)
        #expect(answers[1].value.hasPrefix(#"{"id":"sentences/3/1","error":{"code":"malformed_json","#))
        #expect(answers[2].value.hasPrefix(#"{"id":"sentences/3/2","label":"statement""#))
        #expect(answers[5].value.contains(#""label":"question""#))
    }

    @Test("a sentence that the classifier fails on does not fail its neighbours")
    func classifierFails() throws {
        let answers = try answer([(#"{"text":"a"}"#, []), (#"{"text":"boom"}"#, []), (#"{"text":"b?"}"#, [])])
        #expect(answers.map(\.code) == [nil, .classifierFailed, nil])
        #expect(answers[0].value.contains("statement") && answers[2].value.contains(#""label":"question""#))
    }

    @Test("only allowed reply topics are taken; any other is an error to the default one")
    func replyTopics() throws {
        let answers = try answer([
            (#"{"text":"a"}"#, [("kafka_replyTopic", "gateway")]), (#"{"text":"a"}"#, [("kafka_replyTopic", "other")]),
            (#"{"text":"a"}"#, []), ("bad", [("kafka_replyTopic", "other")]),
        ])
        #expect(answers.map(\.code) == [nil, .replyTopicNotAllowed, nil, .replyTopicNotAllowed])
        #expect(answers.map(\.topic) == [1, 0, 0, 0])
    }

    @Test("what expired is not classified, even what expires while the batch is being classified")
    func deadlines() throws {
        // Each is classified by itself: together they are more than one call takes.
        let text = String(repeating: "y", count: 90)
        let requests = (0..<1_000).map { index in
            (#"{"text":"\#(text)"}"#, [("triage-deadline", index % 2 == 0 ? "999" : "1500")])
        }
        let early = try answer(requests, now: [1_000])
        #expect(early.enumerated().allSatisfy { ($1.code == .deadlineExceeded) == ($0 % 2 == 0) })
        let late = try answer(requests, now: [1_000, 2_000])
        #expect(late[1].code == nil)
        #expect(late[999].code == .deadlineExceeded)
        #expect(late[1].value.contains("statement"))
    }

    @Test("a bad request is reported as bad, expired or not")
    func badAndExpired() throws {
        let answers = try answer([("bad", [("triage-deadline", "1")])])
        #expect(answers.map(\.code) == [.malformedJSON])
    }
}
