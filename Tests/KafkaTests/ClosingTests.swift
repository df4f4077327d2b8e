import Foundation
import Kafka
import Logging
import Synchronization
import TestSupport
import Testing

@Suite("The end of a group's member", .timeLimit(.minutes(2)))
struct ClosingTests {
    private func cluster() throws -> MockCluster {
        let cluster = try MockCluster()
        try cluster.createTopic("t")
        return cluster
    }

    /// The group gives out its partitions anew; what came of it waits in its only member's queue, as nobody polls.
    private func rebalanceUnnoticed(_ cluster: MockCluster) throws {
        cluster.pushRequestErrors(.heartbeat, [.rebalanceInProgress])
        try repeatUntil({ cluster.requests().count { $0 == .syncGroup } == 2 }) { usleep(10_000) }
        usleep(200_000)
    }

    @Test(
        "a member without a partition says that it goes, unless it has a name to come back under",
        arguments: [nil, "second"])
    func idleMember(name: String?) async throws {
        let cluster = try cluster()
        try await onOwnThread {
            let clients = Clients(cluster)
            let first = Member()
            let one = try clients.consumer(group: "g", handler: first)
            try one.subscribe(to: ["t"])
            try one.poll { first.owned.count == 1 }
            let second = Member()
            let named: KafkaProperties = name.map { ["group.instance.id": $0] } ?? [:]
            let two = try clients.consumer(group: "g", named, handler: second)
            try two.subscribe(to: ["t"])
            try repeatUntil({ second.assignments > 0 }) {
                _ = try one.receive(maximum: 1)
                _ = try two.receive(maximum: 1, waiting: .milliseconds(20))
            }
            #expect(second.owned.isEmpty)
            two.close()
            #expect(cluster.requests().count { $0 == .leaveGroup } == (name == nil ? 1 : 0))
            one.close()
        }
    }

    @Test(
        "with the consumer protocol a member says that it goes, whether it has partitions or none")
    func idleMemberOfConsumerProtocol() async throws {
        let cluster = try cluster()
        try await onOwnThread {
            let clients = Clients(cluster)
            let properties: KafkaProperties = ["group.protocol": "consumer"]
            let first = Member()
            let one = try clients.consumer(group: "g", properties, handler: first)
            try one.subscribe(to: ["t"])
            try one.poll { first.owned.count == 1 }
            let second = Member()
            let two = try clients.consumer(group: "g", properties, handler: second)
            #expect(!two.isInGroup)
            try two.subscribe(to: ["t"])
            try two.poll { two.isInGroup }
            // Whichever of the two has none: the other takes all when it goes.
            let (idle, rest, holder) = second.owned.isEmpty ? (two, one, first) : (one, two, second)
            try rest.poll { holder.owned.count == 1 }
            idle.close()
            rest.close()
            let third = Member()
            let three = try clients.consumer(group: "g", properties, handler: third)
            try three.subscribe(to: ["t"])
            try three.poll { third.owned.count == 1 }
            three.close()
        }
    }

    @Test("a member that closes in the middle of a rebalance commits what it has done, and leaves")
    func closeInRebalance() async throws {
        let cluster = try cluster()
        try await onOwnThread {
            let clients = Clients(cluster)
            let partition = TopicPartition(topic: "t", partition: 0)
            let member = Member()
            let consumer = try clients.consumer(group: "g", handler: member)
            try consumer.subscribe(to: ["t"])
            try consumer.poll { member.owned == [partition] }
            member.toCommit[partition] = 1
            try rebalanceUnnoticed(cluster)
            consumer.close()
            #expect(member.owned.isEmpty && member.revoked == [partition] && member.lost.isEmpty)
            #expect(member.assignments == 1 && member.commitError == nil)
            #expect(cluster.requests().count { $0 == .leaveGroup } == 1)
            let next = try clients.consumer(group: "g")
            #expect(try next.committed([partition]).map(\.1) == [1])
            next.close()
        }
    }

    @Test("a member that closes in the middle of a rebalance does not wait for a group that is over")
    func closeAsTheGroupEnds() async throws {
        let cluster = try cluster()
        let end = HeldEnd()
        let clients = Clients(cluster, log: end.log)
        try await onOwnThread {
            nonisolated(unsafe) let consumer = try clients.consumer(
                group: "g", ["debug": "cgrp", "statistics.interval.ms": "20"], handler: end)
            try consumer.subscribe(to: ["t"])
            try consumer.poll { end.isAssigned }
            try rebalanceUnnoticed(cluster)
            let isClosed = DispatchSemaphore(value: 0)
            // On a thread that may be left behind: what it waits for would never come.
            Thread.detachNewThread {
                consumer.close()
                isClosed.signal()
            }
            #expect(isClosed.wait(timeout: .now() + 30) == .success)
            #expect(end.wasHeld)
        }
    }
}

/// Brings about the moment in which a second answer is heard by nobody.
///
/// librdkafka calls twice. Statistics gathered during the first call are served before the second, and keep the consumer's
/// thread until librdkafka's own one says that the group is over. That one is then kept before it closes its queue, for long
/// enough for an answer to get in.
private final class HeldEnd: RebalanceHandler, Sendable {
    private let wasAssigned = Atomic(false)
    private let hasGivenUp = Atomic(false)
    private let hasBeenHeld = Atomic(false)
    private let isOver = DispatchSemaphore(value: 0)

    var isAssigned: Bool { wasAssigned.load(ordering: .relaxed) }
    var wasHeld: Bool { hasBeenHeld.load(ordering: .relaxed) }

    var log: KafkaLog {
        let lines = RecordedLog(level: .trace, onLine: { self.logged($0.message) })
        return KafkaLog(logger: lines.logger, onStatistics: { _ in self.calledInBetween() })
    }

    func partitionsAssigned(_ partitions: [TopicPartition], consumer: Consumer) {
        wasAssigned.store(true, ordering: .relaxed)
    }

    func partitionsRevoked(_ partitions: [TopicPartition], consumer: Consumer) {
        hasGivenUp.store(true, ordering: .relaxed)
        // Statistics gather every 20 ms.
        usleep(200_000)
    }

    func partitionsLost(_ partitions: [TopicPartition], consumer: Consumer) {}

    private func calledInBetween() {
        guard hasGivenUp.load(ordering: .relaxed), !wasHeld else { return }
        let isInTime = isOver.wait(timeout: .now() + 10) == .success
        hasBeenHeld.store(isInTime, ordering: .relaxed)
    }

    private func logged(_ line: String) {
        guard line.hasPrefix("CGRPSTATE"), line.contains("-> term") else { return }
        isOver.signal()
        usleep(300_000)
    }
}
