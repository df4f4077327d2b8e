import Foundation
import Kafka
import Messages
import Testing

extension EndToEnd {
    @Suite("Records of other formats") struct RecordFormatTests {
        private func header(_ name: String, _ value: String) -> StoredRecord.Header {
            StoredRecord.Header(name: name, value: Array(value.utf8))
        }

        @Test(
            "an envelope is read where the pointers lead, with or without a registry's framing, and its headers copied")
        func anEnvelopeIsReadWhereThePointersLead() throws {
            let stage = try Stage()
            let worker = try stage.startWorker(arguments: [
                "--text-field", "/payload/after/subject,/payload/after/body", "--id-field", "/payload/after/id",
                "--copy-headers", "tenant,__connect.errors.topic",
            ])
            let sentence = SampleSentences.sentence(1)
            let envelope =
                #"{"schema":{},"payload":{"op":"c","after":{"id":42,"subject":null,"body":"\#(sentence)"}}}"#
            let headers = [header("tenant", "a\u{00E9}"), header("other", "x"), header("tenant", "b")]
            _ = try stage.publish(
                [
                    StoredRecord(value: Array(envelope.utf8), headers: headers),
                    StoredRecord(value: [0, 0, 0, 0, 7] + Array(envelope.utf8)),
                ], to: stage.topics.requests)
            let replies = try stage.read(stage.topics.replies, count: 2)
            for reply in replies {
                let decoded = try ClassifiedText.decode(reply.text)
                #expect(decoded.id == "42" && decoded.isDistribution, "\(reply.text)")
                #expect(!reply.headers.contains { $0.name == "other" })
            }
            let copied = replies.flatMap(\.headers).filter { $0.name == "tenant" }
            #expect(copied == [header("tenant", "a\u{00E9}"), header("tenant", "b")])
            #expect(worker.isRunning)
        }

        @Test("a sentence that is elsewhere is told where, and what Triage writes itself is read all the same")
        func aSentenceThatIsElsewhereIsToldWhere() throws {
            let stage = try Stage()
            let worker = try stage.startWorker(arguments: ["--text-field", "/body", "--copy-headers", "all"])
            _ = try stage.publish(
                [
                    StoredRecord(
                        value: Array(#"{"message":"un train"}"#.utf8),
                        headers: [header("tenant", "a"), header("kafka_correlationId", "7"), header("ce_x", "no")])
                ], to: stage.topics.requests)
            let reply = try stage.read(stage.topics.replies, count: 1)[0]
            #expect(reply.header(HeaderName.status) == "missing_text")
            #expect(reply.text.contains("there are strings at /message: --text-field"), "\(reply.text)")
            #expect(reply.headers.filter { $0.name == "tenant" } == [header("tenant", "a")])
            #expect(reply.headers.filter { $0.name == "kafka_correlationId" }.count == 1)
            #expect(!reply.headers.contains { $0.name == "ce_x" })

            let sentences = SampleModel.folder.appending(path: "one-sentence.txt")
            try (SampleSentences.sentence(2) + "\n").write(to: sentences, atomically: true, encoding: .utf8)
            let piped = try stage.startPipe(input: sentences)
            #expect(try piped.wait() == 0, "\(piped.errors)")
            #expect(try ClassifiedText.decode(piped.output).isDistribution)
            #expect(worker.isRunning)
        }

        @Test("a CloudEvent whose data is some kind of JSON is repeated with its classification, and stays an event")
        func aCloudEventWithJSONOfItsOwnKind() throws {
            let stage = try Stage()
            let worker = try stage.startWorker(arguments: ["--text-field", "/said", "--reply-format", "enriched"])
            let data = #"{ "said": "\#(SampleSentences.sentence(3))" , "n":[1] }"#
            let event =
                #"{"specversion":"1.0","id":"7f9c1e","source":"/shop","type":"t","datacontenttype":"application/vnd.shop+json","#
                + #""data":\#(data)}"#
            _ = try stage.publish(
                [
                    StoredRecord(
                        value: Array(event.utf8), headers: [header("content-type", "application/cloudevents+json")])
                ], to: stage.topics.requests)
            let reply = try stage.read(stage.topics.replies, count: 1)[0]
            #expect(
                reply.text.hasPrefix(data.dropLast(2) + #","classification":{"label":"#)
                    && reply.text.hasSuffix("\"} }")
            )
            #expect(reply.header(HeaderName.eventCausationID) == "7f9c1e")
            #expect(worker.isRunning)
        }

        @Test("plain lines of a console producer are sentences when the worker is told so")
        func plainLinesOfAConsoleProducerAreSentences() throws {
            let stage = try Stage()
            let worker = try stage.startWorker(arguments: ["--default-content-type", "text/plain"])
            let lines = (0..<5).map { SampleSentences.sentence($0) }
            _ = try kcat(
                ["-P", "-b", stage.bootstrapServers, "-t", stage.topics.requests],
                input: lines.joined(separator: "\n") + "\n")
            let replies = try stage.read(stage.topics.replies, count: lines.count)
            #expect(replies.allSatisfy { $0.header(HeaderName.status) == "ok" })
            #expect(worker.isRunning)
        }

        @Test(
            "what cannot be read so is told at start",
            arguments: [
                (["--text-field", "text"], ["--text-field", "'text'", "JSON Pointers"]),
                (["--text-field", "/text,"], ["--text-field", "'/text,'", "JSON Pointers"]),
                (["--id-field", "/a~2"], ["--id-field", "'/a~2'", "JSON Pointer"]),
                (["--default-content-type", "text/html"], ["--default-content-type", "'text/html'", "text/plain"]),
                (["--copy-headers", "tenant,ce_id"], ["--copy-headers", "meaning of their own"]),
                (["--copy-headers", ""], ["--copy-headers"]),
            ])
        func whatCannotBeReadSoIsToldAtStart(arguments: [String], words: [String]) throws {
            let process = try TriageProcess(["worker", "--model", SampleModel.path()] + arguments)
            #expect(try process.wait() == 64, "\(process.errors)")
            expectOneClearLine(process.errors, mentioning: words)
        }
    }
}
