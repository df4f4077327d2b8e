import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Frozen broker") struct FrozenBrokerTests {
        /// Nothing is ready that waits for a broker in vain, whatever connections it has.
        @Test(
            "a frozen broker: worker and gateway are not ready until it goes on, and nothing is lost",
            .enabled(if: Broker.Kind.available != [.given], "a running broker is not ours to freeze"))
        func aFrozenBrokerWorkerAndGatewayAreNotReady() async throws {
            let broker = try Broker.start(.tansu)
            defer { try? broker.signal(SIGCONT) }
            let stage = try Stage(broker: broker)
            let audit = try ReplyAudit(on: stage)
            let pool = try WorkerPool(on: stage, count: 1)
            let port = try freePort()
            let gateway = try stage.startGateway(port: port)
            let probes = [WebClient(port: port), WebClient(port: pool.adminPorts[0])]
            for probe in probes { try await probe.waitUntilReady(gateway) }
            let load = RequestLoad(on: stage, count: 10_000_000, perSecond: 100)
            try eventually(within: .seconds(30), "the first answers") { audit.answered > 0 }

            try broker.signal(SIGSTOP)
            for probe in probes { try await probe.waitUntil(status: 503, "/health/ready") }
            #expect(try await probes[0].get("/api/intent?sentence=bonjour").status == 503, "none is kept waiting")
            for probe in probes { #expect(try await probe.get("/health/live").status == 200) }

            try broker.signal(SIGCONT)
            for probe in probes { try await probe.waitUntil(status: 200, "/health/ready") }
            #expect(try await probes[0].get("/api/intent?sentence=bonsoir").status == 200)
            load.stop()
            let findings = try audit.settle(load, pool: pool, within: .seconds(60))
            audit.stop()
            findings.expectNothingLost()
            #expect(pool.selfEnds.isEmpty, "\(pool.selfEnds)")
            gateway.signal(SIGTERM)
            #expect(try gateway.wait(within: .seconds(15)) == 0, "\(gateway.errors)")
        }

        /// Replies that were under way for longer than they are tried at a time.
        @Test(
            "a broker that was frozen for seconds: every call is answered, those before and those after",
            .enabled(if: Broker.Kind.available != [.given], "a running broker is not ours to freeze"))
        func aBrokerThatWasFrozenForSecondsEveryCall() throws {
            let broker = try Broker.start(.tansu)
            defer { try? broker.signal(SIGCONT) }
            let stage = try Stage(broker: broker)
            let pool = try WorkerPool(on: stage, count: 1)
            let probe = InteractiveProbe(on: stage, every: .milliseconds(2))
            try eventually(within: .seconds(30), "the first answers") { probe.answered > 200 }
            for _ in 0..<Scale.pick(short: 1, soak: 10) {
                try broker.signal(SIGSTOP)
                pause(.seconds(7))
                try broker.signal(SIGCONT)
                let resumed = probe.asked
                try eventually(
                    within: .seconds(60), "answers after the standstill", details: { pool.process(0)?.errors ?? "" }
                ) {
                    probe.latencies(from: resumed).count > 200
                }
            }
            let latencies = try probe.finish(within: .seconds(60))
            report("frozen for seconds", "interactive: \(latencies.text)")
            #expect(latencies.unanswered == 0, "\(latencies.unansweredPlaces)")
            #expect(pool.selfEnds.isEmpty, "\(pool.selfEnds)")
            #expect(try pool.stopAll() == [0])
        }

        /// An operator who takes a frozen broker away does not wait for its clients.
        @Test(
            "beside a frozen broker worker and gateway end when they are told to",
            .enabled(if: Broker.Kind.available != [.given], "a running broker is not ours to freeze"))
        func besideAFrozenBrokerWorkerAndGatewayEnd() async throws {
            let broker = try Broker.start(.tansu)
            defer { try? broker.signal(SIGCONT) }
            let stage = try Stage(broker: broker)
            let (port, adminPort) = (try freePort(), try freePort())
            let worker = try stage.startWorker(arguments: ["--admin-port", "\(adminPort)"])
            let gateway = try stage.startGateway(port: port)
            for port in [port, adminPort] { try await WebClient(port: port).waitUntilReady(gateway) }
            try broker.signal(SIGSTOP)
            for port in [port, adminPort] { try await WebClient(port: port).waitUntil(status: 503, "/health/ready") }
            for process in [worker, gateway] { process.signal(SIGTERM) }
            for process in [worker, gateway] {
                #expect(try process.wait(within: .seconds(20)) == 0, "\(process.errors)")
            }
        }
    }
}

extension WebClient {
    /// Waits until a path is answered so.
    func waitUntil(status: UInt, _ path: String, within limit: Duration = .seconds(30)) async throws {
        let deadline = ContinuousClock.now + limit
        while await (try? get(path))?.status != status {
            guard ContinuousClock.now < deadline else { throw TimedOut(what: "\(status) from \(path)", details: "") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
