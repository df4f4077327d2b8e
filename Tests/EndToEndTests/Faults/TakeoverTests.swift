import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Takeover") struct TakeoverTests {
        @Test("SIGTERM in mid-stream: the worker ends in time, loses nothing, and the other takes over")
        func sigtermInMidStreamTheWorkerEndsInTime() throws {
            let stage = try Stage()
            let audit = try ReplyAudit(on: stage)
            let pool = try WorkerPool(on: stage, count: 2)
            let count = Scale.pick(short: 20_000, soak: 200_000)
            let load = RequestLoad(on: stage, count: count, perSecond: count / 10)
            try eventually(within: .seconds(30), "the first answers") { audit.answered > count / 10 }

            let start = ContinuousClock.now
            #expect(try pool.stop(0) == 0)
            let ending = ContinuousClock.now - start
            #expect(ending < .seconds(10))
            #expect(!load.isDone)
            let findings = try audit.settle(load, pool: pool, within: .seconds(60))
            audit.stop()
            report("takeover", "ended in \(ending.text), \(findings.text), longest pause \(audit.longestPause.text)")
            // Some may come twice: a last commit that meets a rebalance is refused.
            findings.expectNothingLost()
        }

        /// The embedded brokers have the classic protocol only.
        static let groupProtocols = Broker.Kind.available == [.given] ? ["classic", "consumer"] : ["classic"]

        @Test("workers come and go: order per key is kept, no late commit, no loss", arguments: groupProtocols)
        func workersComeAndGoOrderPerKeyIsKept(groupProtocol: String) throws {
            let name = "come and go"
            let stage = try Stage(partitions: 8)
            let audit = try ReplyAudit(on: stage)
            let commits = CommitAudit(on: stage, replies: audit)
            let pool = try WorkerPool(on: stage, count: 4, arguments: ["--group-protocol", groupProtocol])
            let duration: Duration = Scale.pick(short: .seconds(Storm.waitsForRest ? 40 : 15), soak: .seconds(120))
            let perSecond = 2_000
            let load = RequestLoad(on: stage, count: Int(duration.seconds) * perSecond, perSecond: perSecond)
            let probe = InteractiveProbe(on: stage, every: .milliseconds(20))
            // The pause at the start, until the first worker has joined, is not one of those that are looked for.
            try eventually(within: .seconds(30), "the first interactive answers") { probe.answered > 10 }
            let first = probe.asked
            var storm = Storm(
                accidents: [(.leave, Scale.pick(short: 4, soak: 30))], over: duration,
                generator: SeededGenerator(forTest: name))
            try storm.rage(among: pool, proxy: nil)
            let latencies = try probe.finish()
            let findings = try audit.settle(load, pool: pool, within: .seconds(60))
            let committed = commits.stop()
            audit.stop()
            report(
                "\(name), \(groupProtocol)",
                """
                \(storm.exitCodes.count) stopped and started, \(findings.text), longest bulk pause \
                \(audit.longestPause.text); interactive: \(probe.latencies(from: first).text)
                """)
            findings.expectNothingLost()
            #expect(latencies.unanswered == 0, "\(latencies.unansweredPlaces)")
            #expect(committed.samples > 0 && committed.setBack.isEmpty, "\(committed.setBack)")
            #expect(storm.exitCodes.count > 0 && storm.exitCodes.allSatisfy { $0 == 0 })
            #expect(pool.selfEnds.isEmpty, "\(pool.selfEnds)")
        }
    }
}
