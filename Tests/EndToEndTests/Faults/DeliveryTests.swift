import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Whatever is killed and cut, nothing is lost.
    @Suite("Delivery") struct DeliveryTests {
        @Test("at least once: workers are killed, connections cut, every request is answered")
        func atLeastOnceWorkersAreKilledConnectionsCutEvery() throws {
            let name = "at least once"
            let stage = try Stage(partitions: 6, isProxied: true)
            let audit = try ReplyAudit(on: stage)
            let commits = CommitAudit(on: stage, replies: audit)
            let pool = try WorkerPool(on: stage, count: 3)
            let count = Scale.pick(short: 20_000, soak: 500_000)
            let duration: Duration = Scale.pick(short: .seconds(15), soak: .seconds(240))
            let load = RequestLoad(on: stage, count: count, perSecond: Int(Double(count) / duration.seconds))
            var storm = Storm(
                accidents: Scale.pick(short: [(.kill, 3), (.cut, 2)], soak: [(.kill, 20), (.cut, 10)]),
                over: duration, generator: SeededGenerator(forTest: name))
            try storm.rage(among: pool, proxy: stage.proxy)
            let findings = try audit.settle(load, pool: pool, within: .seconds(120))
            let committed = commits.stop()
            audit.stop()
            report(
                name,
                """
                \(pool.kills) killed, \(storm.cuts) cuts, \(findings.text), longest pause \
                \(audit.longestPause.text), \(committed.text), most memory \(Int(pool.peakMemory)) MiB
                """)
            findings.expectNothingLost()
            #expect(committed.samples > 0)
            #expect(pool.selfEnds.isEmpty, "\(pool.selfEnds)")
        }

        /// Only Apache Kafka ends what a killed producer left open as it should: embedded brokers leave out
        /// what they cannot do, see ``Storm/Accident``.
        @Test("exactly once: a read-committed reader of all topics of replies sees every answer once")
        func exactlyOnceAReadCommittedReaderSeesEveryAnswer() throws {
            let name = "exactly once"
            let stage = try Stage(partitions: 6, isProxied: true)
            let routes = ["travel", "stay", "unsure"].map { (label: $0, topic: "\(stage.topics.prefix).\($0)") }
            try stage.createTopics(routes.map(\.topic))
            let audit = try ReplyAudit(on: stage, isolation: "read_committed", routes: routes.map(\.topic))
            let commits = CommitAudit(on: stage, replies: audit)
            let pool = try WorkerPool(
                on: stage, count: 3, hasStableNames: true,
                arguments: ["--delivery", "exactly-once", "--unsure-below", "0.8"] + TransactionSupport.workerArguments
                    + routes.flatMap { ["--route", "\($0.label)=\($0.topic)"] })
            if Storm.waitsForRest {
                try eventually(within: .seconds(120), "the workers to share the partitions") { pool.isAtRest }
            }
            let count = Scale.pick(short: 20_000, soak: 500_000)
            let duration: Duration = Scale.pick(short: .seconds(15), soak: .seconds(240))
            let load = RequestLoad(on: stage, count: count, perSecond: Int(Double(count) / duration.seconds))
            var storm = Storm(
                accidents: TransactionSupport.accidents, over: duration, generator: SeededGenerator(forTest: name))
            try storm.rage(among: pool, proxy: stage.proxy)
            // Without accidents nothing has waited for the load yet.
            let findings = try audit.settle(load, pool: pool, within: duration + .seconds(120))
            let committed = commits.stop()
            audit.stop()
            report(
                name,
                """
                \(pool.kills) killed, \(storm.cuts) cuts, \(storm.exitCodes.count) stopped, \(findings.text), longest \
                pause \(audit.longestPause.text), \(committed.text), \
                \(pool.selfEnds.count) ended by themselves, by topic \(audit.counts)
                """)
            findings.expectNothingLost()
            #expect(findings.repeated == 0)
            #expect(audit.counts.allSatisfy { $0 > 0 })
            #expect(storm.exitCodes.allSatisfy { $0 == 0 })
        }
    }
}
