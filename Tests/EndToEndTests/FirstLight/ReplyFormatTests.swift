import Foundation
import Kafka
import Messages
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Formats of replies, decisions and routes") struct ReplyFormatTests {
        /// Requests in one partition, so that their replies come in this order wherever they go.
        private func publish(_ values: [String], on stage: Stage, headers: [StoredRecord.Header] = []) throws {
            _ = try stage.publish(
                values.map { StoredRecord(key: Array("k".utf8), value: Array($0.utf8), headers: headers) },
                to: stage.topics.requests, partition: 0)
        }

        private func create(_ topics: [String], on stage: Stage) throws {
            let routes = topics.flatMap { ["--route", "x=\($0)"] }
            let creation = try TriageProcess(
                [
                    "topics", "create", "--bootstrap-servers", stage.bootstrapServers, "--partitions",
                    "\(stage.partitions)",
                ]
                    + stage.topics.flags + routes)
            #expect(try creation.wait() == 0, "\(creation.errors)")
            for topic in topics { #expect(creation.output.contains("\(topic): created")) }
        }

        private func object(_ record: StoredRecord) throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: Data(record.text.utf8)) as? [String: Any])
        }

        @Test("enriched replies are their requests with one field more, and errors are dead letters alone")
        func enriched() throws {
            let stage = try Stage()
            let worker = try stage.startWorker(arguments: [
                "--reply-format", "enriched", "--text-field", "/after/body", "--reply-headers", "label,confidence",
            ])
            let values = (0..<20).map {
                #"{ "op":"c", "n":1e3,"after":{"id":\#($0),"body":"\#(SampleSentences.sentence($0))"} }"#
            }
            try publish(Array(values[..<10]) + ["bad", #"{"after":{}}"#] + Array(values[10...]), on: stage)
            let replies = try stage.read(stage.topics.replies, count: 20)
            for (value, reply) in zip(values, replies) {
                let added = try #require(
                    reply.text.range(of: #","classification":\{.*\}(?= \}$)"#, options: .regularExpression))
                var rest = reply.text
                rest.removeSubrange(added)
                #expect(rest == value)
                let classification = try #require(try object(reply)["classification"] as? [String: Any])
                let label = try #require(classification["label"] as? String)
                #expect(reply.header("triage-label") == label && reply.header(HeaderName.status) == "ok")
                let confidence = try #require(classification["confidence"] as? Double)
                #expect(Double(reply.header("triage-confidence") ?? "") == confidence)
                #expect((classification["probabilities"] as? [String: Double])?[label] == confidence)
            }
            let dead = try stage.read(stage.topics.deadLetters, count: 2)
            #expect(dead.map(\.text) == ["bad", #"{"after":{}}"#])
            #expect(try stage.read(stage.topics.replies, count: 20).count == 20)
            #expect(worker.isRunning)
        }

        @Test(
            "flat replies have a value for each column; what is unsure, an error or a label goes where its route leads")
        func routes() throws {
            let stage = try Stage()
            let prefix = stage.topics.prefix
            let (review, travel, errors) = ("\(prefix).review", "\(prefix).travel", "\(prefix).errors")
            try create([review, travel, errors], on: stage)
            let worker = try stage.startWorker(arguments: [
                "--reply-format", "flat", "--unsure-below", "0.6", "--route", "travel=\(travel)", "--route",
                "unsure=\(review)", "--route", "error=\(errors)",
            ])
            let count = 60
            let values = (0..<count).map {
                #"{"id":\#($0),"text":"\#($0 % 3 == 0 ? "xyzzy qux" : SampleSentences.sentence($0))"}"#
            }
            try publish(values + ["bad"], on: stage)
            let topics = [stage.topics.replies, review, travel]
            let all = try stage.read(topics, count: count).map { (topic: $0.topic, reply: try object($0)) }
            #expect(Set(all.compactMap { $0.reply["id"] as? String }).count == count && all.count == count)
            for (topic, reply) in all {
                let (label, best) = (reply["label"] as? String, reply["best"] as? String)
                let confidence = try #require(reply["confidence"] as? Double)
                #expect((topic == review) == (label == "unsure"), "\(reply)")
                #expect((topic == travel) == (label == "travel"), "\(reply)")
                #expect((best != nil) == (label == "unsure") && (label == "unsure" || confidence >= 0.6), "\(reply)")
                #expect(
                    Set(reply.keys).subtracting(["best"]) == ["id", "label", "confidence", "model", "classified_at"])
            }
            #expect(Set(all.map(\.topic)) == Set(topics), "each topic has some")
            // Of one key, in each topic in the order of the requests.
            for topic in topics {
                let numbers = all.filter { $0.topic == topic }.compactMap { Int($0.reply["id"] as? String ?? "") }
                #expect(numbers == numbers.sorted())
            }
            let error = try stage.read(errors, count: 1)[0]
            #expect(error.header(HeaderName.status) == "malformed_json")
            #expect(try object(error)["error"] != nil)
            #expect(try stage.read(stage.topics.deadLetters, count: 1)[0].text == "bad")
            #expect(worker.isRunning)
        }

        @Test("a request that names its topic gets a full reply there, with all classes")
        func directed() throws {
            let stage = try Stage()
            let worker = try stage.startWorker(arguments: [
                "--reply-format", "flat", "--top", "1", "--unsure-below", "1",
            ])
            let topic = StoredRecord.Header(
                name: "\(HeaderName.replyTopic)", value: Array(stage.topics.gatewayReplies.utf8))
            try publish([#"{"text":"\#(SampleSentences.sentence(1))"}"#], on: stage, headers: [topic])
            let reply = try object(try stage.read(stage.topics.gatewayReplies, count: 1)[0])
            #expect((reply["probabilities"] as? [String: Any])?.count == 4)
            #expect(reply["label"] as? String == "unsure" && reply["best"] != nil)
            #expect(worker.isRunning)
        }

        @Test(
            "settings that cannot be meant are told at start",
            arguments: [
                (["--reply-format", "xml"], 64, ["--reply-format", "'xml'", "full, flat, enriched"]),
                (["--top", "0"], 64, ["--top", "'0'"]), (["--top", "-1"], 64, ["--top"]),
                (["--reply-headers", "label,score"], 64, ["--reply-headers", "label and confidence"]),
                (["--unsure-below", "1.1"], 64, ["--unsure-below", "'1.1'", "0 to 1", "model"]),
                (["--unsure-below", "nan"], 64, ["--unsure-below"]),
                (["--unsure-below", "model"], 65, ["--unsure-below model", "--target-precision"]),
                (["--route", "unsure"], 64, ["--route", "'unsure'", "LABEL=TOPIC"]),
                (["--route", "a=b c"], 64, ["--route", "'a=b c'"]),
                (["--route", "unsure=x"], 64, ["--unsure-below"]),
                (["--route", "a=x", "--route", "a=y"], 64, ["--route", "'a' has 2 topics"]),
                (["--reply-encoding", "avro"], 64, ["--reply-encoding", "--schema-registry-url"]),
                (["--unsure-below", "0.5", "--unsure-label", "error", "--route", "error=x"], 64, ["--unsure-label"]),
                (["--reply-encoding", "avro", "--reply-format", "full"], 64, ["flat"]),
                (["--reply-format", "enriched", "--enrich-field", "text"], 64, ["--enrich-field", "'text'"]),
                (["--schema-registry-url", "http://127.0.0.1:99999"], 64, ["--schema-registry-url", "99999"]),
                (["--schema-registry-url", "ftp://x"], 64, ["--schema-registry-url", "'ftp://x'"]),
                (["--schema-registry-url", "http://me:secret@x"], 64, ["--schema-registry-url"]),
                (["--schema-registry-auth", "x"], 64, ["--schema-registry-url"]),
                (["--schema-registry-url", "http://x", "--schema-registry-auth", "/no/file"], 66, ["/no/file"]),
            ] as [([String], Int32, [String])])
        func wrongSettings(arguments: [String], code: Int32, words: [String]) throws {
            let process = try TriageProcess(["worker", "--model", SampleModel.path()] + arguments)
            #expect(try process.wait() == code, "\(process.errors)")
            expectOneClearLine(process.errors, mentioning: words)
        }

        @Test(
            "a route's topic that is not there is told at start, a class that the model does not have is only warned of"
        )
        func missingTopic() throws {
            let stage = try Stage()
            let missing = "\(stage.topics.prefix).missing"
            let process = try stage.startWorker(arguments: ["--route", "travel=\(missing)", "--start-timeout", "1s"])
            #expect(try process.wait() == 69, "\(process.errors)")
            #expect(process.errors.contains("these topics do not exist: \(missing)"), "\(process.errors)")
            let worker = try stage.startWorker(arguments: ["--route", "nonsense=\(stage.topics.replies)"])
            try eventually(within: .seconds(30), "the worker to be ready") { worker.errors.contains("is ready") }
            #expect(worker.errors.contains("--route nonsense=\(stage.topics.replies)"), "\(worker.errors)")
        }

        @Test("routes come from a file and from the environment too")
        func otherSources() throws {
            let file = SampleModel.folder.appending(path: "routes.yaml")
            try "route:\n  travel: no topic\n".write(to: file, atomically: true, encoding: .utf8)
            let fromFile = try TriageProcess(["worker", "--model", SampleModel.path(), "--config", file.path])
            #expect(try fromFile.wait() == 64)
            expectOneClearLine(fromFile.errors, mentioning: ["route", "'travel=no topic'"])
            let fromEnvironment = try TriageProcess(
                ["worker", "--model", SampleModel.path()], environment: ["TRIAGE_ROUTE": "travel=x,stay=no topic"])
            #expect(try fromEnvironment.wait() == 64)
            expectOneClearLine(fromEnvironment.errors, mentioning: ["TRIAGE_ROUTE", "'stay=no topic'"])
        }

        @Test("a check prints what would be read and replied, without a broker")
        func check() throws {
            let folder = SampleModel.folder
            let lines = folder.appending(path: "samples.ndjson")
            try #"{"body":"\#(SampleSentences.sentence(1))","id":7}"#.appending("\n\nbad\n")
                .write(to: lines, atomically: true, encoding: .utf8)
            let arguments = [
                "worker", "--model", try SampleModel.path(), "--bootstrap-servers", "127.0.0.1:1", "--text-field",
                "/body",
                "--reply-format", "enriched", "--check",
            ]
            let mixed = try TriageProcess(arguments + [lines.path])
            #expect(try mixed.wait() == 65)
            let printed = mixed.output.split(separator: "\n").map(String.init)
            #expect(printed.count == 7, "\(mixed.output)")
            #expect(printed[0] == "\(lines.path):1" && printed[1] == "  text   \(SampleSentences.sentence(1))")
            #expect(printed[2] == "  id     7")
            #expect(
                printed[3].hasPrefix(#"  reply  classifications: {"body":"\#(SampleSentences.sentence(1))","id":7,"cl"#)
            )
            #expect(
                printed[4] == "\(lines.path):3" && printed[5].hasPrefix("  error  malformed_json: expected an object"))
            #expect(printed[6] == "  dead letter  sentences.dead-letters")
            expectOneClearLine(mixed.errors, mentioning: ["1 of 2 samples cannot be classified"])

            let whole = folder.appending(path: "sample.json")
            try "{\n  \"body\": \"un train\"\n}\n".write(to: whole, atomically: true, encoding: .utf8)
            let one = try TriageProcess(arguments + [whole.path])
            #expect(try one.wait() == 0, "\(one.errors)")
            #expect(one.output.contains(#"{\n  "body": "un train","classification":"#), "\(one.output)")
            let none = try TriageProcess(arguments + ["/no/such/file"])
            #expect(try none.wait() == 66)
            expectOneClearLine(none.errors, mentioning: ["--check", "/no/such/file"])
        }

        @Test("a threshold that training stored decides, and evaluate shows it among others")
        func storedThreshold() throws {
            let folder = SampleModel.folder
            let data = folder.appending(path: "threshold.tsv")
            try
                ("label\ttext\n"
                + (0..<400).map {
                    let s = SampleSentences.labelled($0); return "\(s.label)\t\(s.text)\n"
                }
                .joined()).write(to: data, atomically: true, encoding: .utf8)
            let model = folder.appending(path: "threshold.model").path
            let training = try TriageProcess([
                "train", "--data", data.path, "--output", model, "--target-precision", "0.8",
            ])
            #expect(try training.wait() == 0, "\(training.errors)")
            let line = try #require(training.output.split(separator: "\n").first { $0.hasPrefix("threshold: ") })
            #expect(line.contains("% of the sentences, ") && line.hasSuffix("% of the answers right"))
            let evaluation = try TriageProcess(["evaluate", "--model", model, "--data", data.path])
            #expect(try evaluation.wait() == 0)
            #expect(evaluation.output.contains("threshold  answered  accuracy\n     0.00 "), "\(evaluation.output)")
            #expect(evaluation.output.contains("← the model's own"))
            let description = try TriageProcess(["describe", "--model", model])
            #expect(try description.wait() == 0, "\(description.errors)")
            for words in [
                "model       threshold@", "400 sentences", "(5 folds)", "for a precision of 0.8: answers ",
                " a second on one core",
            ] {
                #expect(description.output.contains(words), "\(description.output)")
            }
            #expect(description.output.contains("\n  class   sentences\n  "))
            let card = try TriageProcess(["describe", "--model", model, "--json"])
            #expect(try card.wait() == 0)
            let object = try JSONSerialization.jsonObject(with: Data(card.output.utf8)) as? [String: Any]
            let metadata = object?["metadata"] as? [String: Any]
            #expect((metadata?["decision"] as? [String: Any])?["targetPrecision"] as? Double == 0.8)
            #expect((object?["sentencesPerSecond"] as? Int ?? 0) > 0 && object?["kind"] as? String == "linear")
            let samples = folder.appending(path: "unknown.txt")
            try "東京の天気\n".write(to: samples, atomically: true, encoding: .utf8)
            let check = try TriageProcess([
                "worker", "--model", model, "--unsure-below", "model", "--default-content-type", "text/plain",
                "--check",
                samples.path,
            ])
            #expect(try check.wait() == 0, "\(check.errors)")
            #expect(check.output.contains(#""label":"unsure","best":"#), "\(check.output)")
            // A fifth of the labels is wrong, whatever the confidence.
            let impossible = try TriageProcess([
                "train", "--data", data.path, "--output", folder.appending(path: "no.model").path, "--target-precision",
                "0.9999",
            ])
            #expect(try impossible.wait() == 65)
            expectOneClearLine(impossible.errors, mentioning: ["0.9999", "no threshold", "--target-precision"])
        }
    }
}
