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

    /// A figure of the bulk lane's batch sizes: `sum`, `count` or `bucket`.
    private func batches(of worker: MockWorker, _ figure: String, upTo bound: String? = nil) throws -> Double {
        let labels = "lane=\"bulk\"" + (bound.map { ",le=\"\($0)\"" } ?? "")
        let name = "triage_worker_batch_sentences_\(figure){\(labels)} "
        let line = worker.registry.exposition().split(separator: "\n").first { $0.hasPrefix(name) }
        return try #require(line.flatMap { Double($0.dropFirst(name.count)) }, "\(name)")
    }

    @Test(
        "the bulk lane gives way as soon as somebody calls, again when the broker is late, and still answers all that waits"
    )
    func givesWay() async throws {
        try await MockWorker.with { worker in
            worker.configuration.bulkYieldsAfter = .milliseconds(50)
            try worker.start()
            var asked = 0
            func call(until isEnough: () throws -> Bool) async throws {
                let deadline = ContinuousClock.now + .seconds(40)
                while try !isEnough(), ContinuousClock.now < deadline {
                    try await worker.send(requests(1), to: "sentences.interactive")
                    asked += 1
                }
                #expect(try isEnough())
            }
            let hasStarted = try await worker.eventually {
                worker.registry.exposition().contains("triage_worker_bulk_share_ratio 1\n")
            }
            #expect(hasStarted)
            try await call { try share(of: worker) < 0.2 }
            try await call { try share(of: worker) > 0.12 }
            worker.cluster.setRoundTripTime(.milliseconds(200))
            try await call { try share(of: worker) <= 0.1 }
            worker.cluster.setRoundTripTime(.zero)
            try await worker.send(requests(5_000), to: "sentences")
            // In small pieces, of the 1,000 that a batch may have at full speed.
            try await call { try batches(of: worker, "sum") >= 5_000 }
            let (all, small) = try (batches(of: worker, "count"), batches(of: worker, "bucket", upTo: "512"))
            #expect(all >= 10 && small == all)
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
