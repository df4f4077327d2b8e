import Kafka
import Telemetry
import Testing
import Worker

// Brokers that are late are a fault too; with the others, so that only one such worker runs at a time.
extension FaultTests {
    /// What the metric says of the bulk lane's share.
    private func share(of worker: MockWorker) throws -> Double {
        let name = "triage_worker_bulk_share_ratio "
        let line = worker.registry.exposition().split(separator: "\n").first { $0.hasPrefix(name) }
        return try #require(line.flatMap { Double($0.dropFirst(name.count)) })
    }

    @Test(
        "the bulk lane gives way as soon as somebody calls, again when the broker is late, and still answers all that waits"
    )
    func givesWay() async throws {
        try await MockWorker.with { worker in
            worker.configuration.bulkYieldsAfter = .milliseconds(50)
            try worker.start()
            var asked = 0
            func call(until isEnough: (Double) -> Bool) async throws {
                let deadline = ContinuousClock.now + .seconds(40)
                while try !isEnough(share(of: worker)), ContinuousClock.now < deadline {
                    try await worker.send(requests(1), to: "sentences.interactive")
                    asked += 1
                }
                #expect(try isEnough(share(of: worker)))
            }
            let hasStarted = try await worker.eventually {
                worker.registry.exposition().contains("triage_worker_bulk_share_ratio 1\n")
            }
            #expect(hasStarted)
            try await call { $0 < 0.2 }
            try await call { $0 > 0.12 }
            worker.cluster.setRoundTripTime(.milliseconds(200))
            try await call { $0 <= 0.1 }
            worker.cluster.setRoundTripTime(.zero)
            try await worker.send(requests(5_000), to: "sentences")
            let replies = try await worker.read("classifications", count: asked + 5_000)
            #expect(replies.count == asked + 5_000)
            try await worker.stop()
        }
    }

    @Test("the bulk lane gives way to nobody unless it is told to")
    func givesWayToNobodyByDefault() async throws {
        try await MockWorker.with { worker in
            try worker.start()
            try await worker.send(requests(10), to: "sentences.interactive")
            _ = try await worker.read("classifications", count: 10)
            #expect(!worker.registry.exposition().contains("triage_worker_bulk_share_ratio"))
            try await worker.stop()
        }
    }
}
