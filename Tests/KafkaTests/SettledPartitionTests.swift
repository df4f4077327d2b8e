import Kafka
import TestSupport
import Testing

@Suite("Partitions that are added")
struct SettledPartitionTests {
    private let start = ContinuousClock.now

    @Test("those that are there at first count at once, those that are added after a while, those that go at once")
    func growing() {
        var count = PartitionCount()
        func settled(_ partitions: Int32, after seconds: Int) -> Int32 {
            count.settled(of: partitions, at: start + .seconds(seconds), after: .seconds(30))
        }
        #expect(settled(4, after: 0) == 4)
        #expect(settled(6, after: 10) == 4)
        #expect(settled(6, after: 39) == 4)
        #expect(settled(6, after: 40) == 6)
        #expect(settled(6, after: 41) == 6)
        // In two steps: each waits for itself, and none is forgotten.
        #expect(settled(8, after: 50) == 6)
        #expect(settled(12, after: 70) == 6)
        #expect(settled(12, after: 80) == 8)
        #expect(settled(12, after: 109) == 8)
        #expect(settled(12, after: 110) == 12)
        #expect(settled(3, after: 111) == 3)
        #expect(settled(12, after: 112) == 3)
    }

    @Test("records go to all partitions, and in sets: one goes where the one before went, mostly")
    func spreading() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("t", partitions: 3)
        try await onOwnThread {
            let producer = try Clients(cluster).producer(["sticky.partitioning.linger.ms": "0"])
            let topic = try producer.topic("t", spreadingOver: SettledPartitions(after: .seconds(30)))
            var partitions: [Int32] = []
            try repeatUntil({ Set(partitions) == [0, 1, 2] }) {
                for _ in 0..<20 { try producer.send(to: topic, key: nil, value: [1], copying: true) }
                try producer.flush(within: .seconds(20)) { _, error, partition, _ in
                    #expect(error == nil)
                    partitions.append(partition)
                }
            }
            let staying = zip(partitions, partitions.dropFirst()).count { $0 == $1 }
            #expect(staying > partitions.count / 2)
        }
    }
}
