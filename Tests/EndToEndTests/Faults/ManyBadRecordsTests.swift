import Foundation
import Messages
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Many bad records") struct ManyBadRecordsTests {
        @Test("bad records of every code among good ones: each is answered with its code and kept")
        func badRecordsOfEveryCodeAmongGoodOnesEach() throws {
            let stage = try Stage()
            let perCode = Scale.pick(short: 100, soak: 1_000)
            let good = Scale.pick(short: 10_000, soak: 100_000)
            let kinds = BadRecord.allCases
            // Where the bad ones are is shuffled: kind of bad record by number, nil for a good one.
            var generator = SeededGenerator(forTest: "bad records")
            let bad = kinds.flatMap { Array(repeating: $0 as BadRecord?, count: perCode) }
            let plan = (bad + Array(repeating: nil, count: good)).shuffled(using: &generator)
            let topics = stage.topics
            let load = RequestLoad(on: stage, count: plan.count) { number in
                plan[number]?.record(topics, number: number) ?? RequestLoad.plain(number)
            }
            let places = try load.places(within: .seconds(60))
            let audit = try ReplyAudit(on: stage)
            let pool = try WorkerPool(on: stage, count: 1)
            try eventually(within: .seconds(120), "all answers", details: { "\(audit.answered)" }) {
                audit.answered >= plan.count
            }
            let ledger = audit.ledger
            var wrong: [String] = []
            var requests: [String: StoredRecord] = [:]
            for (partition, numbers) in places.numbers.enumerated() {
                for (offset, number) in numbers.enumerated() where number >= 0 {
                    let kind = plan[Int(number)]
                    let status = ledger.status(partition: partition, offset: offset)
                    if status != kind?.rawValue ?? "ok" { wrong.append("\(number): \(status ?? "no answer")") }
                    guard let kind, kind.isDeadLettered else { continue }
                    var request = kind.record(topics, number: Int(number))
                    (request.topic, request.partition, request.offset) = (
                        topics.requests, Int32(partition), Int64(offset)
                    )
                    requests[request.source] = request
                }
            }
            #expect(wrong.isEmpty, "\(wrong.prefix(5))")
            let letters = try stage.read(topics.deadLetters, count: requests.count, within: .seconds(60))
            #expect(letters.count == requests.count)
            var differing = 0
            for letter in letters {
                let place = [
                    letter.header(HeaderName.deadLetterTopic), letter.header(HeaderName.deadLetterPartition),
                    letter.header(HeaderName.deadLetterOffset),
                ].compactMap { $0 }.joined(separator: "/")
                let request = requests.removeValue(forKey: place)
                let isSame =
                    letter.key == request?.key && letter.value == request?.value
                    && Array(letter.headers.prefix(request?.headers.count ?? 0)) == request?.headers
                if !isSame { differing += 1 }
            }
            #expect(differing == 0)
            #expect(requests.isEmpty, "\(requests.keys.prefix(5))")
            #expect(try pool.stopAll() == [0])
            audit.stop()
            report("bad records", "\(perCode) of each of \(kinds.count) codes among \(good) good ones")
        }
    }
}
