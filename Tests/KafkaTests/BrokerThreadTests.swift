import Foundation
import Kafka
import Synchronization
import TestSupport
import Testing

@Suite("Threads of a client")
struct BrokerThreadTests {
    /// The threads that a hook was called with, and their names then.
    private final class Seen: Sendable {
        private let seen = Mutex<[Int32: String]>([:])
        var names: [Int32: String] { seen.withLock { $0 } }

        func note(_ thread: Int32) {
            let name = try? String(contentsOfFile: "/proc/self/task/\(thread)/comm", encoding: .utf8)
            seen.withLock { $0[thread] = name ?? "gone" }
        }
    }

    @Test("those that carry records are told of once each, as they are and as they come, and no others")
    func threads() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("t")
        try await onOwnThread {
            let clients = Clients(cluster)
            try clients.send(["1"], to: "t")

            // One that is no member of a group talks to no coordinator.
            let (alone, seenAlone) = (BrokerThreads(), Seen())
            let reader = try clients.consumer(brokerThreads: alone)
            alone.onEach { seenAlone.note($0) }
            try reader.assign([(TopicPartition(topic: "t", partition: 0), .beginning)])
            _ = try reader.receive(1)

            let (threads, seen) = (BrokerThreads(), Seen())
            let consumer = try clients.consumer(group: "g", brokerThreads: threads)
            threads.onEach { seen.note($0) }
            try consumer.subscribe(to: ["t"])
            _ = try consumer.receive(1)

            #expect(seen.names.values.allSatisfy { $0.hasPrefix("rdk:broker") })
            #expect(!seen.names.isEmpty && seen.names.count == seenAlone.names.count)
            let later = Seen()
            threads.onEach { later.note($0) }
            #expect(!later.names.isEmpty && Set(later.names.keys).isSubset(of: seen.names.keys))
            reader.close()
            consumer.close()
        }
    }

    @Test("a thread that has ended is not told of, as its number may be another's")
    func ended() async throws {
        let cluster = try MockCluster()
        try await onOwnThread {
            let threads = BrokerThreads()
            var producer: Producer? = try Producer(
                properties: ["bootstrap.servers": cluster.bootstrapServers], brokerThreads: threads,
                log: KafkaLog(logger: RecordedLog().logger))
            let before = Seen()
            threads.onEach { before.note($0) }
            try repeatUntil({ !before.names.isEmpty }) { usleep(1_000) }
            #expect(producer != nil)
            producer = nil
            let after = Seen()
            threads.onEach { after.note($0) }
            #expect(after.names.isEmpty)
        }
    }
}
