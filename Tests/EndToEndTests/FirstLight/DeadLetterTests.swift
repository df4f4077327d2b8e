import Foundation
import Messages
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Dead letter") struct DeadLetterTests {
        @Test("after a fix, replay sends dead letters back once, and tells where they lay")
        func afterAFixReplaySendsDeadLettersBackOnce() throws {
            // Tansu takes the first record of a partition's last batch for its end, and so keeps the rest of it from readers.
            let stage = try Stage(kind: .noida)
            let long = (0..<5).map { number in
                StoredRecord(
                    key: Array("key-\(number)".utf8),
                    value: Array("{\"id\":\"long-\(number)\",\"text\":\"\(longText) \(number)\"}".utf8),
                    headers: [.init(name: "tenant", value: Array("t\(number)".utf8))])
            }
            let broken = StoredRecord(value: Array("{".utf8))
            let sent = try stage.publish(long + [broken], to: stage.topics.requests)

            let strict = try stage.startWorker(arguments: ["--max-text-bytes", "40"])
            let letters = try stage.read(stage.topics.deadLetters, count: sent.count)
            strict.signal(SIGTERM)
            #expect(try strict.wait() == 0)

            let flags = ["--bootstrap-servers", stage.bootstrapServers, "--code", "text_too_long"] + stage.topics.flags
            #expect(try replay(flags + ["--dry-run"]).hasPrefix("5 to \(stage.topics.requests) (dry run"))
            #expect(try replay(flags) == "5 to \(stage.topics.requests)\n")
            #expect(try replay(flags) == "nothing to replay\n")

            let fixed = try stage.startWorker()
            let replies = try stage.read(stage.topics.replies, count: sent.count + long.count)
            fixed.signal(SIGTERM)
            #expect(try fixed.wait() == 0)
            let requests = try stage.read(stage.topics.requests, count: sent.count + long.count)
            #expect(requests.count == sent.count + long.count)
            for original in long {
                let copies = requests.filter { $0.key == original.key }
                let replayed = try #require(copies.first { $0.header("triage-replayed-from") != nil })
                let letter = try #require(letters.first { $0.key == original.key })
                #expect(copies.count == 2)
                #expect(replayed.header("triage-replayed-from") == letter.source)
                #expect(replayed.value == original.value)
                #expect(replayed.headers.filter { $0.name != "triage-replayed-from" } == original.headers)
                let answers = replies.filter { $0.header(HeaderName.source) == replayed.source }
                #expect(answers.count == 1)
                #expect(try answers.first.map { try ClassifiedText.decode($0.text).isDistribution } == true)
            }
        }

        @Test(
            "after exactly-once workers list shows all, the newest first, and replay sends once what may pass",
            arguments: Broker.Kind.available)
        func listAndReplay(kind: Broker.Kind) throws {
            let stage = try Stage(partitions: 3, kind: kind)
            let worker = try stage.startWorker(
                arguments: ["--delivery", "exactly-once", "--instance-id", "a", "--max-text-bytes", "40"])
            // Several transactions, so that the marks of their ends lie between the letters and after the last.
            var sent: [StoredRecord] = []
            for round in 0..<3 {
                let values = (0..<8).map { "{\($0)" } + (0..<4).map { "{\"text\":\"\(longText) \(round) \($0)\"}" }
                sent += try stage.publish(values.map { StoredRecord(value: Array($0.utf8)) }, to: stage.topics.requests)
                _ = try stage.read(stage.topics.deadLetters, count: sent.count)
            }
            worker.signal(SIGTERM)
            #expect(try worker.wait() == 0)
            let flags = ["--bootstrap-servers", stage.bootstrapServers] + stage.topics.flags

            for _ in 1...2 {
                let letters = try list(flags)
                #expect(Set(letters.map(\.source)) == Set(sent.map(\.source)))
                #expect(letters.count == sent.count)
                #expect(letters.map(\.time) == letters.map(\.time).sorted(by: >))
            }
            let all = try list(flags)
            #expect(try list(flags + ["--limit", "5"]).map(\.position) == all.prefix(5).map(\.position))
            #expect(try list(flags + ["--since", "1h"]).count == sent.count)
            #expect(try list(flags + ["--since", "2000-01-01T00:00:00Z", "--code", "text_too_long"]).count == 12)
            let nothing = try run(["list"] + flags + ["--since", "2999-01-01T00:00:00Z"])
            #expect(nothing.output == "")
            #expect(nothing.errors == "no dead letters found in \(stage.topics.deadLetters)\n")
            let summary = try run(["list", "--summary"] + flags).output.split(separator: "\n").map {
                $0.split(separator: " ").prefix(2).map(String.init)
            }
            #expect(summary == [["code", "count"], ["malformed_json", "24"], ["text_too_long", "12"]])

            let leftOut = "left out, since they would fail again: malformed_json 24; --code NAME sends them\n"
            #expect(try replay(flags) == "12 to \(stage.topics.requests)\n\(leftOut)")
            #expect(try replay(flags) == "nothing to replay\n")
            #expect(try replay(flags + ["--code", "malformed_json"]) == "24 to \(stage.topics.requests)\n")
            #expect(try replay(flags + ["--code", "malformed_json"]) == "nothing to replay\n")
            let copies = try stage.read(stage.topics.requests, count: sent.count * 2)
            #expect(copies.count == sent.count * 2)
            let origins = copies.compactMap { $0.header("triage-replayed-from") }
            #expect(Set(origins) == Set(all.map(\.position)))
        }

        @Test("what cannot be meant is refused with what can") func whatCannotBeMeantIsRefusedWithWhatCan() throws {
            for (arguments, problem) in [
                (["list", "--code", "malfromed_json"], "--code malfromed_json: no dead letter has it; it is one of"),
                (["list", "--since", "yesterday"], "--since: 'yesterday' is neither a time such as"),
                (["list", "--summary", "--limit", "3"], "--limit does not go with --summary"),
            ] {
                let process = try TriageProcess(["dead-letters"] + arguments)
                #expect(try process.wait() == 64)
                #expect(process.errors.contains(problem), "\(process.errors)")
            }
        }

        /// Longer than the strict worker takes.
        private let longText = "un train de nuit pour Brest avec une couchette en bas"

        private struct Letter: Decodable {
            let position: String
            let source: String
            let time: String
        }

        private func list(_ flags: [String]) throws -> [Letter] {
            try run(["list"] + flags).output.split(separator: "\n").map {
                try JSONDecoder().decode(Letter.self, from: Data($0.utf8))
            }
        }

        private func replay(_ flags: [String]) throws -> String { try run(["replay"] + flags).output }

        private func run(_ arguments: [String]) throws -> (output: String, errors: String) {
            let process = try TriageProcess(["dead-letters"] + arguments)
            #expect(try process.wait() == 0, "\(process.errors)")
            return (process.output, process.errors)
        }
    }
}
