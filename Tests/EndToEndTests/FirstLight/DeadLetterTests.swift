import Foundation
import Messages
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct DeadLetterTests {
        @Test func `after a fix, replay sends dead letters back once, and tells where they lay`() throws {
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

        /// Longer than the strict worker takes.
        private let longText = "un train de nuit pour Brest avec une couchette en bas"

        private func replay(_ flags: [String]) throws -> String {
            let process = try TriageProcess(["dead-letters", "replay"] + flags)
            #expect(try process.wait() == 0, "\(process.errors)")
            return process.output
        }
    }
}
