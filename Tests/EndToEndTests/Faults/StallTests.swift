import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Stall") struct StallTests {
        @Test(
            "the broker stalls: no crash, no loss, and the flow comes back",
            .enabled(if: Stage.connectionsCanBeCut, "a running broker is only cut off with TRIAGE_TEST_PROXY"))
        func theBrokerStallsNoCrashNoLoss() throws {
            let stage = try Stage(isProxied: true)
            let proxy = try #require(stage.proxy)
            let audit = try ReplyAudit(on: stage)
            // Tansu takes half of a session for each round of joining, and a stall longer than a session makes all join again.
            let sessions = ["--kafka", "session.timeout.ms=2000", "--kafka", "heartbeat.interval.ms=250"]
            let pool = try WorkerPool(
                on: stage, count: 2, arguments: Broker.Kind.available == [.given] ? [] : sessions)
            let perSecond = 1_000
            let load = RequestLoad(on: stage, count: 10_000_000, perSecond: perSecond)
            try eventually(within: .seconds(30), "the first answers") { audit.answered > 1_000 }

            proxy.stall()
            let stall: Duration = Scale.pick(short: .seconds(4), soak: .seconds(30))
            pause(stall)
            proxy.resume()
            // Replies may have waited in the connection: only those to requests of after the stall count.
            let (resumed, before) = (ContinuousClock.now, load.acknowledged)
            try eventually(within: .seconds(60), "an answer after the stall") {
                audit.answered > before + perSecond / 10
            }
            let recovery = ContinuousClock.now - resumed
            pause(.seconds(1))

            load.stop()
            let findings = try audit.settle(load, pool: pool, within: .seconds(60))
            audit.stop()
            report("stall", "\(stall.text), flow back after \(recovery.text), \(findings.text)")
            findings.expectNothingLost()
            #expect(pool.selfEnds.isEmpty, "\(pool.selfEnds)")
            if Scale.isSoak { #expect(recovery < .seconds(5)) }
        }
    }
}
