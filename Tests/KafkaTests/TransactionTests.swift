import Kafka
import TestSupport
import Testing

/// The order of calls and the sorts of errors; what a reader sees is tested against real brokers.
@Suite("Transactions", .timeLimit(.minutes(2)))
struct TransactionTests {
    private func withTransaction(
        _ body: @escaping @Sendable (MockCluster, Producer, Consumer) throws -> Void
    ) async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("in")
        try cluster.createTopic("out")
        try await onOwnThread {
            let clients = Clients(cluster)
            try clients.send(["1", "2"], to: "in")
            let consumer = try clients.consumer(group: "g")
            try consumer.subscribe(to: ["in"])
            _ = try consumer.receive(2)
            let producer = try clients.producer(["transactional.id": "id", "retry.backoff.ms": "10"])
            try producer.initializeTransactions(within: .seconds(20))
            try producer.beginTransaction()
            try producer.send(to: producer.topic("out"), key: nil, value: [1], token: 1, copying: true)
            try body(cluster, producer, consumer)
            consumer.close()
        }
    }

    private static func sendOffsets(_ producer: Producer, _ consumer: Consumer) throws {
        let group = try consumer.groupMetadata()
        try producer.sendOffsets(
            [(TopicPartition(topic: "in", partition: 0), 2)], group: group, within: .seconds(20))
    }

    @Test("records and offsets go in one transaction, whose commit hands the reports over")
    func commit() async throws {
        try await withTransaction { cluster, producer, consumer in
            try Self.sendOffsets(producer, consumer)
            var tokens: [UInt] = []
            try producer.commitTransaction(within: .seconds(20)) { token, error, _, _ in
                #expect(error == nil)
                tokens.append(token)
            }
            #expect(tokens == [1])
            let requests = cluster.requests()
            let commit = try #require(requests.lastIndex(of: .endTransaction))
            for kind in [.addPartitionsToTransaction, .produce, .transactionOffsetCommit] as [MockCluster.Request] {
                #expect(try #require(requests.lastIndex(of: kind)) < commit)
            }
            // The next one begins at once.
            try producer.beginTransaction()
            try producer.abortTransaction(within: .seconds(20))
        }
    }

    @Test("an aborted transaction reports what it drops, and the next one works")
    func abort() async throws {
        try await withTransaction { _, producer, _ in
            var reports = 0
            try producer.abortTransaction(within: .seconds(20)) { _, _, _, _ in reports += 1 }
            #expect(reports == 1)
            #expect(producer.queuedCount == 0)
            try producer.beginTransaction()
            try producer.send(to: producer.topic("out"), key: nil, value: [1], token: 2, copying: true)
            try producer.commitTransaction(within: .seconds(20))
        }
    }

    @Test("offsets of an old generation mean: abort", arguments: [KafkaErrorCode.illegalGeneration, .unknownMember])
    func abortable(code: KafkaErrorCode) async throws {
        try await withTransaction { cluster, producer, consumer in
            cluster.pushRequestErrors(.transactionOffsetCommit, [code])
            let error = #expect(throws: KafkaError.self) { try Self.sendOffsets(producer, consumer) }
            #expect(error?.code == code)
            #expect(error?.isTransactionAbortable == true && error?.isFatal == false)
            try producer.abortTransaction(within: .seconds(20))
            #expect(producer.fatalError == nil)
        }
    }

    @Test("a call that is over before the broker has answered is made again for the outcome", arguments: [true, false])
    func late(commits: Bool) async throws {
        try await withTransaction { cluster, producer, _ in
            try producer.flush(within: .seconds(20))
            cluster.delay(.endTransaction, by: .seconds(1))
            var calls = 0
            func end(within: Duration) throws(KafkaError) {
                calls += 1
                if commits {
                    try producer.commitTransaction(within: within)
                } else {
                    try producer.abortTransaction(within: within)
                }
            }
            let error = #expect(throws: KafkaError.self) { try end(within: .milliseconds(300)) }
            #expect(error?.code == .timedOut && error?.isRetriable == true)
            // Anything else is refused meanwhile.
            if commits {
                let refusal = #expect(throws: KafkaError.self) { try producer.abortTransaction(within: .seconds(1)) }
                #expect(refusal?.isRetriable == true && refusal?.code != .timedOut)
            }
            var hasEnded = false
            while !hasEnded {
                do throws(KafkaError) {
                    try end(within: .milliseconds(300))
                    hasEnded = true
                } catch {
                    guard error.isRetriable else { throw error }
                }
            }
            #expect(calls > 1)
            try producer.beginTransaction()
            try producer.commitTransaction(within: .seconds(20))
        }
    }

    @Test("a record that was not delivered makes the commit fail: abort")
    func undelivered() async throws {
        try await withTransaction { cluster, producer, _ in
            try producer.flush(within: .seconds(20))
            cluster.pushRequestErrors(.produce, [.topicAuthorizationFailed])
            try producer.send(to: producer.topic("out"), key: nil, value: [1], token: 2, copying: true)
            let error = #expect(throws: KafkaError.self) { try producer.commitTransaction(within: .seconds(20)) }
            #expect(error?.isTransactionAbortable == true)
            try producer.abortTransaction(within: .seconds(20))
        }
    }

    @Test("a producer that a younger one has replaced is done for")
    func fenced() async throws {
        try await withTransaction { cluster, producer, _ in
            try producer.flush(within: .seconds(20))
            cluster.pushRequestErrors(.endTransaction, [.producerFenced])
            let error = #expect(throws: KafkaError.self) { try producer.commitTransaction(within: .seconds(20)) }
            #expect(error?.isFatal == true)
            #expect(producer.fatalError?.isFatal == true)
            #expect(throws: KafkaError.self) { try producer.beginTransaction() }
        }
    }

    @Test("a call out of order is an error, not a crash")
    func outOfOrder() async throws {
        let cluster = try MockCluster()
        try await onOwnThread {
            let plain = try Clients(cluster).producer()
            #expect(throws: KafkaError.self) { try plain.beginTransaction() }
            let producer = try Clients(cluster).producer(["transactional.id": "id"])
            let error = #expect(throws: KafkaError.self) { try producer.beginTransaction() }
            #expect(error?.code == .erroneousState)
        }
    }
}
