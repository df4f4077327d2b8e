import Foundation
import Kafka
import TestSupport
import Testing

@Suite("Consumer groups", .timeLimit(.minutes(2)))
struct GroupTests {
    private func cluster(partitions: Int = 1) throws -> MockCluster {
        let cluster = try MockCluster()
        try cluster.createTopic("t", partitions: partitions)
        return cluster
    }

    /// The properties of each group protocol.
    static let protocols: [KafkaProperties] = [[:], ["group.protocol": "consumer"]]

    @Test("the next consumer goes on where the last one committed", arguments: protocols)
    func restart(groupProtocol: KafkaProperties) async throws {
        let cluster = try cluster()
        try await onOwnThread {
            let clients = Clients(cluster)
            let partition = TopicPartition(topic: "t", partition: 0)
            try clients.send((0..<10).map { "\($0)" }, to: "t")
            let first = try clients.consumer(group: "g", groupProtocol)
            try first.subscribe(to: ["t"])
            #expect(try first.receive(7).map(\.text) == (0..<7).map { "\($0)" })
            #expect(try first.storeOffsets([(partition, 5)]) == [])
            try first.commitStored(synchronously: true)
            #expect(try first.committed([partition]).map(\.1) == [5])
            first.close()
            let second = try clients.consumer(group: "g", groupProtocol)
            try second.subscribe(to: ["t"])
            #expect(try second.receive(5).map(\.text) == (5..<10).map { "\($0)" })
            second.close()
        }
    }

    @Test("what was not stored is not committed, and nothing to commit is no error")
    func nothingStored() async throws {
        let cluster = try cluster()
        try await onOwnThread {
            let clients = Clients(cluster)
            let partition = TopicPartition(topic: "t", partition: 0)
            try clients.send(["1"], to: "t")
            let consumer = try clients.consumer(group: "g")
            try consumer.subscribe(to: ["t"])
            _ = try consumer.receive(1)
            try consumer.commitStored(synchronously: true)
            #expect(try consumer.committed([partition]).map(\.1) == [nil])
            consumer.close()
        }
    }

    @Test("an offset of somebody else's partition is refused")
    func foreignPartition() async throws {
        let cluster = try cluster(partitions: 2)
        try await onOwnThread {
            let member = Member()
            let consumer = try Clients(cluster).consumer(group: "g", handler: member)
            try consumer.subscribe(to: ["t"])
            try consumer.poll { member.owned.count == 2 }
            let foreign = TopicPartition(topic: "other", partition: 0)
            let own = TopicPartition(topic: "t", partition: 1)
            #expect(try consumer.storeOffsets([(foreign, 3), (own, 0)]) == [foreign])
            consumer.close()
        }
    }

    @Test(
        "a second member takes half, after the first has committed, and gives it back when it leaves",
        arguments: protocols)
    func rebalance(groupProtocol: KafkaProperties) async throws {
        let cluster = try cluster(partitions: 4)
        try await onOwnThread {
            let clients = Clients(cluster)
            let all = Set((0..<4).map { TopicPartition(topic: "t", partition: $0) })
            for partition in 0..<4 { try clients.send(["0", "1", "2"], to: "t", partition: Int32(partition)) }
            let first = Member()
            let one = try clients.consumer(group: "g", groupProtocol, handler: first)
            try one.subscribe(to: ["t"])
            #expect(try one.receive(12).count == 12)
            #expect(first.owned == all)
            // Of each partition two records are done; the third comes again wherever the partition goes.
            for partition in all { first.toCommit[partition] = 2 }

            let second = Member()
            let two = try clients.consumer(group: "g", groupProtocol, handler: second)
            try two.subscribe(to: ["t"])
            var again: [Received] = []
            // The mock refuses a commit for as long as any member is joining. What is not committed comes whole.
            func expected() -> [String] {
                first.commitError == nil ? ["2", "2"] : ["0", "0", "1", "1", "2", "2"]
            }
            try repeatUntil({ second.owned.count == 2 && again.count >= expected().count }) {
                _ = try one.receive(maximum: 10, waiting: .milliseconds(10)).count
                let batch = try two.receive(maximum: 10, waiting: .milliseconds(10))
                for index in 0..<batch.count { again.append(Received(batch.record(at: index), from: two)) }
            }
            #expect(first.commitError == nil || first.commitError?.code == .rebalanceInProgress)
            #expect(first.lost == [] && Set(first.revoked) == second.owned)
            #expect(first.owned.isDisjoint(with: second.owned))
            #expect(Set(two.assignment) == second.owned)
            #expect(again.map(\.text).sorted() == expected())

            two.close()
            #expect(second.owned.isEmpty)
            try one.poll { first.owned == all }
            one.close()
            #expect(first.owned.isEmpty)
        }
    }

    @Test("a member that the group has forgotten loses its partitions, and comes back", arguments: protocols)
    func lost(groupProtocol: KafkaProperties) async throws {
        let cluster = try cluster()
        try await onOwnThread {
            let member = Member()
            let consumer = try Clients(cluster).consumer(group: "g", groupProtocol, handler: member)
            try consumer.subscribe(to: ["t"])
            try consumer.poll { !member.owned.isEmpty }
            cluster.pushRequestErrors(.heartbeat, [.unknownMember])
            cluster.pushRequestErrors(.consumerGroupHeartbeat, [.unknownMember])
            try consumer.poll { !member.lost.isEmpty }
            #expect(member.revoked.isEmpty)
            try consumer.poll { !member.owned.isEmpty }
            consumer.close()
        }
    }

    @Test(
        "a commit of an old generation fails with its code",
        arguments: [KafkaErrorCode.illegalGeneration, .unknownMember])
    func oldGeneration(code: KafkaErrorCode) async throws {
        let cluster = try cluster()
        try await onOwnThread {
            let clients = Clients(cluster)
            try clients.send(["1"], to: "t")
            let consumer = try clients.consumer(group: "g")
            try consumer.subscribe(to: ["t"])
            _ = try consumer.receive(1)
            cluster.pushRequestErrors(.offsetCommit, [code])
            let error = #expect(throws: KafkaError.self) {
                try consumer.commit([(TopicPartition(topic: "t", partition: 0), 1)])
            }
            #expect(error?.code == code)
            #expect(error?.code.isNormalInRebalance == true)
            consumer.close()
        }
    }

    @Test("a commit that nobody answers ends after the time given")
    func unansweredCommit() async throws {
        let cluster = try cluster()
        try await onOwnThread {
            let consumer = try Clients(cluster).consumer(group: "g")
            try Clients(cluster).send(["1"], to: "t")
            try consumer.subscribe(to: ["t"])
            _ = try consumer.receive(1)
            cluster.setRoundTripTime(.seconds(60))
            let error = #expect(throws: KafkaError.self) {
                try consumer.commit([(TopicPartition(topic: "t", partition: 0), 1)], within: .milliseconds(50))
            }
            #expect(error?.code == .timedOut)
            // Leaving is answered by nobody either.
            consumer.close(within: .milliseconds(50))
            let closed = #expect(throws: KafkaError.self) { try consumer.receive(maximum: 1).count }
            #expect(closed?.code == .destroyed)
        }
    }
}
