import Kafka
import Telemetry
import Testing
import Worker

// Brokers that are late are a fault too; with the others, so that only one such worker runs at a time.
extension FaultTests {
    private func metric(_ name: String, of worker: MockWorker) throws -> Double {
        let line = worker.registry.exposition().split(separator: "\n").first { $0.hasPrefix(name + " ") }
        return try #require(line.flatMap { Double($0.dropFirst(name.count + 1)) }, "\(name)")
    }

    private func share(of worker: MockWorker) throws -> Double {
        try metric("triage_worker_bulk_share_ratio", of: worker)
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
            let sizes = "triage_worker_batch_sentences"
            try await call { try metric("\(sizes)_sum{lane=\"bulk\"}", of: worker) >= 5_000 }
            let all = try metric("\(sizes)_count{lane=\"bulk\"}", of: worker)
            let small = try metric("\(sizes)_bucket{lane=\"bulk\",le=\"512\"}", of: worker)
            #expect(all >= 10 && small == all)
            let replies = try await worker.read("classifications", count: asked + 5_000)
            #expect(replies.count == asked + 5_000)
            try await worker.stop()
        }
    }

    @Test("the bulk lane gives way to nobody if it is told so")
    func givesWayToNobody() async throws {
        try await MockWorker.with { worker in
            worker.configuration.bulkYieldsAfter = nil
            try worker.start()
            try await worker.send(requests(10), to: "sentences.interactive")
            _ = try await worker.read("classifications", count: 10)
            #expect(!worker.registry.exposition().contains("triage_worker_bulk_share_ratio"))
            try await worker.stop()
        }
    }
}
