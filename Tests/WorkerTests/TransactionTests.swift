import Kafka
import Messages
import Telemetry
import TestSupport
import Testing
import Worker
import WorkerTestSupport

/// The order of calls of exactly-once delivery. What a `read_committed` reader sees is for a real broker to show: the mock
/// cluster knows transactions only as far as their requests; it neither hides what was aborted nor keeps the offsets.
@Suite("Exactly once against a broker that gives errors", .serialized, .timeLimit(.minutes(2)))
struct TransactionTests {
    private func exactlyOnce(_ body: (MockWorker) async throws -> Void) async throws {
        try await MockWorker.with { worker in
            worker.configuration.delivery = .exactlyOnce
            worker.configuration.instanceID = "worker-1"
            worker.configuration.transactions.maximumAge = .milliseconds(300)
            try await body(worker)
        }
    }

    private func requests(_ count: Int) -> [MockWorker.Request] {
        (0..<count).map { MockWorker.Request(#"{"text":"number \#($0)","id":"\#($0)"}"#, key: "key-\($0)") }
    }

    private func count(_ kind: MockCluster.Request, _ worker: MockWorker) -> Int {
        worker.cluster.requests().count { $0 == kind }
    }

    @Test("replies and dead letters, then offsets, then the end of the transaction; no commit beside it")
    func order() async throws {
        try await exactlyOnce { worker in
            try await worker.send(requests(50) + [.init("{broken")], to: "sentences")
            try worker.start()
            #expect(try await worker.read("classifications", count: 51).count == 51)
            #expect(try await worker.read("sentences.dead-letters", count: 1).count == 1)
            let hasEnded = try await worker.eventually { count(.endTransaction, worker) > 0 }
            #expect(hasEnded)
            try await worker.stop()
            let requests = worker.cluster.requests()
            let begin = try #require(requests.firstIndex(of: .addPartitionsToTransaction))
            let group = try #require(requests.firstIndex(of: .addOffsetsToTransaction))
            let offsets = try #require(requests.firstIndex(of: .transactionOffsetCommit))
            let end = try #require(requests.firstIndex(of: .endTransaction))
            #expect(begin < group && group < offsets && offsets < end)
            #expect(requests[begin..<group].contains(.produce))
            #expect(!requests.contains(.offsetCommit))
        }
    }

    @Test(
        "offsets refused by the group: the transaction is aborted, done again from where it began, and all is answered",
        arguments: [KafkaErrorCode.illegalGeneration, .unknownMember])
    func refusedOffsets(code: KafkaErrorCode) async throws {
        try await exactlyOnce { worker in
            try await worker.send(requests(30), to: "sentences")
            worker.cluster.pushRequestErrors(.transactionOffsetCommit, [code])
            try worker.start()
            // Those of the aborted transaction are seen twice here.
            let replies = try await worker.read("classifications") { replies in
                replies.count > 30 && Set(replies.compactMap(\.value)).count == 30
            }
            #expect(replies.count > 30)
            #expect(Set(replies.compactMap(\.value)).count == 30)
            let hasEnded = try await worker.eventually { count(.endTransaction, worker) > 1 }
            #expect(hasEnded)
            try await worker.stop()
        }
    }

    @Test("a coordinator that is away for a moment is waited for, nothing is done twice")
    func coordinatorAway() async throws {
        try await exactlyOnce { worker in
            try await worker.send(requests(30), to: "sentences")
            worker.cluster.pushRequestErrors(.transactionOffsetCommit, [.coordinatorNotAvailable, .notCoordinator])
            worker.cluster.pushRequestErrors(.endTransaction, [.coordinatorNotAvailable])
            try worker.start()
            #expect(try await worker.read("classifications", count: 30).count == 30)
            let hasEnded = try await worker.eventually { count(.endTransaction, worker) > 1 }
            #expect(hasEnded)
            try await worker.stop()
            #expect(try await worker.readAll("classifications").count == 30)
        }
    }

    @Test("a broker that is late to commit is waited for: nothing is aborted, nothing done twice")
    func lateCommit() async throws {
        try await exactlyOnce { worker in
            worker.configuration.transactions.timeout = .seconds(2)
            try await worker.send(requests(30), to: "sentences")
            worker.cluster.delay(.endTransaction, by: .seconds(3))
            try worker.start()
            #expect(try await worker.read("classifications", count: 30).count == 30)
            let hasCommitted = try await worker.eventually {
                worker.registry.exposition().contains("triage_worker_commits_total{lane=\"bulk\",result=\"ok\"} 1")
            }
            #expect(hasCommitted)
            try await worker.send(requests(10), to: "sentences")
            try await worker.stop()
            #expect(try await worker.readAll("classifications").count <= 40)
            #expect(worker.registry.exposition().contains("{lane=\"bulk\",result=\"aborted\"} 0"))
        }
    }

    @Test("a broker that is late to abort is waited for, and all is done again")
    func lateAbort() async throws {
        try await exactlyOnce { worker in
            worker.configuration.transactions.timeout = .seconds(2)
            try await worker.send(requests(30), to: "sentences")
            worker.cluster.pushRequestErrors(.transactionOffsetCommit, [.illegalGeneration])
            worker.cluster.delay(.endTransaction, by: .seconds(3))
            try worker.start()
            let replies = try await worker.read("classifications") { replies in
                replies.count > 30 && Set(replies.compactMap(\.value)).count == 30
            }
            #expect(Set(replies.compactMap(\.value)).count == 30)
            let hasEnded = try await worker.eventually { count(.endTransaction, worker) > 1 }
            #expect(hasEnded)
            try await worker.stop()
        }
    }

    @Test("a reply that is too large spoils its transactions twice, and then is answered small and dead-lettered")
    func replyTooLarge() async throws {
        try await exactlyOnce { worker in
            try await worker.send([.init(#"{"text":"large","id":"large"}"#, key: "large")], to: "sentences")
            worker.cluster.pushRequestErrors(.produce, [.messageSizeTooLarge, .messageSizeTooLarge])
            try worker.start()
            let letter = try #require(try await worker.read("sentences.dead-letters", count: 1).first)
            #expect(letter.header("__dlq.errors.code") == "reply_too_large")
            let reply = try #require(try await worker.read("classifications", count: 1).last)
            #expect(reply.header("triage-status") == "reply_too_large")
            let hasEnded = try await worker.eventually { count(.transactionOffsetCommit, worker) > 0 }
            #expect(hasEnded)
            try await worker.stop()
        }
    }

    @Test("a worker that was replaced stops and says so")
    func fenced() async throws {
        try await exactlyOnce { worker in
            try await worker.send(requests(1), to: "sentences")
            worker.cluster.pushRequestErrors(.endTransaction, [.producerFenced])
            try worker.start()
            let error = await #expect(throws: WorkerError.self) { try await worker.end() }
            #expect(error?.code == .replacedByAnother && error?.exitCode == 70)
        }
    }
}
