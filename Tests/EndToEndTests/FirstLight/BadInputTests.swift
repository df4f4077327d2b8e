import Foundation
import Messages
import Testing

extension EndToEnd {
    @Suite("Bad input") struct BadInputTests {
        @Test("bad records are answered with their code and kept untouched, their neighbours are classified")
        func badRecordsAreAnsweredWithTheirCodeAndKept()
            throws
        {
            let stage = try Stage()
            let worker = try stage.startWorker()
            let bad = BadRecord.allCases
            let good = (0..<3).map { number in
                StoredRecord(value: Array("{\"text\":\"\(SampleSentences.sentence(number))\"}".utf8))
            }
            // One partition, so that they share a batch: good, bad, good, bad, …
            let mixed = bad.enumerated().flatMap {
                [good[$0.offset % 3], $0.element.record(stage.topics, number: $0.offset)]
            }
            let sent = try stage.publish(mixed + [good[0]], to: stage.topics.requests, partition: 1)

            let replies = try stage.read(stage.topics.replies, count: sent.count)
            #expect(replies.count == sent.count)
            let bySource = Dictionary(grouping: replies) { $0.header(HeaderName.source) }
            for (index, request) in sent.enumerated() {
                let reply = try #require(bySource[request.source]?.first, "\(request.source)")
                let expected = index % 2 == 1 ? bad[index / 2].rawValue : "ok"
                #expect(reply.header(HeaderName.status) == expected)
                #expect(reply.key == request.key)
                let decoded = try ClassifiedText.decode(reply.text)
                #expect(expected == "ok" ? decoded.isDistribution : decoded.error?.code == expected)
            }

            let kept = bad.indices.filter { bad[$0].isDeadLettered }.map { sent[2 * $0 + 1] }
            let letters = try stage.read(stage.topics.deadLetters, count: kept.count)
            #expect(letters.count == kept.count)
            for request in kept { BadRecord.expect(letters, toHold: request, group: stage.group) }
            #expect(worker.isRunning)
        }
    }
}
