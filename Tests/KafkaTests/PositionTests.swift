import Kafka
import TestSupport
import Testing

@Suite("Positions", .timeLimit(.minutes(2)))
struct PositionTests {
    private let partition = TopicPartition(topic: "t", partition: 0)

    private func withRecords(_ count: Int, _ body: @escaping @Sendable (Clients) throws -> Void) async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("t")
        try await onOwnThread {
            let clients = Clients(cluster)
            if count > 0 { try clients.send((0..<count).map { "\($0)" }, to: "t") }
            try body(clients)
        }
    }

    @Test("without a group one reads from where one says", arguments: [(StartOffset.beginning, "0"), (.at(3), "3")])
    func start(offset: StartOffset, first: String) async throws {
        try await withRecords(5) { clients in
            let consumer = try clients.consumer()
            try consumer.assign([(partition, offset)])
            #expect(try consumer.receive(1).map(\.text) == [first])
            #expect(consumer.assignment == [partition])
            consumer.close()
            #expect(consumer.assignment == [])
        }
    }

    @Test("assigned from the high watermark, every later record is read")
    func fromTheEnd() async throws {
        try await withRecords(5) { clients in
            let consumer = try clients.consumer()
            let marks = try consumer.queryWatermarks(of: partition)
            #expect(marks == (0, 5))
            try consumer.assign([(partition, .at(marks.high))])
            try clients.send(["new"], to: "t")
            #expect(try consumer.receive(1).map(\.text) == ["new"])
        }
    }

    @Test("a reader without a group asks no coordinator")
    func noCoordinator() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("t")
        try await onOwnThread {
            let clients = Clients(cluster)
            try clients.send(["1"], to: "t")
            let consumer = try clients.consumer()
            try consumer.assign([(partition, .beginning)])
            _ = try consumer.receive(1)
            consumer.close()
        }
        #expect(cluster.requests().contains(.fetch))
        #expect(!cluster.requests().contains(.findCoordinator))
    }

    @Test("seek goes back, for members of a group and others", arguments: [nil, "g"] as [String?])
    func seek(group: String?) async throws {
        try await withRecords(5) { clients in
            let consumer = try clients.consumer(group: group)
            try consumer.assign([(partition, .beginning)])
            #expect(try consumer.receive(4).map(\.text) == ["0", "1", "2", "3"])
            try consumer.seek(partition, to: 1)
            #expect(try consumer.receive(4).map(\.text) == ["1", "2", "3", "4"])
        }
    }

    @Test("a paused partition gives nothing until it is resumed, and then everything")
    func pause() async throws {
        try await withRecords(5) { clients in
            let consumer = try clients.consumer(group: "g")
            try consumer.assign([(partition, .beginning)])
            #expect(try consumer.receive(2).map(\.text) == ["0", "1"])
            try consumer.pause([partition])
            var count = 0
            for _ in 0..<10 { count += try consumer.receive(maximum: 10, waiting: .milliseconds(20)).count }
            #expect(count == 0)
            try consumer.resume([partition])
            #expect(try consumer.receive(3).map(\.text) == ["2", "3", "4"])
        }
    }

    @Test(
        "where one asks for it, the end of a partition is told once, after all of its records",
        arguments: [nil, "g"] as [String?])
    func end(group: String?) async throws {
        try await withRecords(3) { clients in
            let consumer = try clients.consumer(group: group, ["enable.partition.eof": "true"])
            try consumer.assign([(partition, .beginning)])
            var texts: [String] = []
            var ends: Set<TopicPartition> = []
            while ends.isEmpty {
                let batch = try consumer.receive(maximum: 2, waiting: .milliseconds(100))
                for index in 0..<batch.count {
                    texts.append(
                        String(decoding: batch.record(at: index).value ?? .init(start: nil, count: 0), as: UTF8.self))
                }
                ends = consumer.takeEnds()
            }
            #expect(ends == [partition])
            #expect(texts == ["0", "1", "2"])
            #expect(consumer.takeEnds() == [])
        }
    }

    @Test("the lag of a group is told without a member: from what it has committed, or from the oldest record")
    func groupLag() async throws {
        try await withRecords(10) { clients in
            let admin = try AdminClient(properties: ["bootstrap.servers": clients.servers], log: clients.log)
            let before = try #require(try admin.lag(of: "g", in: "t"))
            #expect(before == [GroupLag(partition: partition, committed: nil, low: 0, high: 10)])
            #expect(before.map(\.records) == [10])
            let consumer = try clients.consumer(group: "g")
            try consumer.assign([(partition, .beginning)])
            try consumer.commit([(partition, 4)])
            consumer.close()
            let after = try #require(try admin.lag(of: "g", in: "t"))
            #expect(after == [GroupLag(partition: partition, committed: 4, low: 0, high: 10)])
            #expect(after.map(\.records) == [6])
            #expect(try admin.lag(of: "g", in: "nowhere") == nil)
        }
    }

    @Test("the lag counts what is left")
    func lag() async throws {
        try await withRecords(10) { clients in
            let consumer = try clients.consumer(group: "g")
            #expect(consumer.lag() == [])
            try consumer.assign([(partition, .beginning)])
            _ = try consumer.receive(4)
            let lag = consumer.lag()
            #expect(lag.map(\.partition) == [partition])
            #expect(lag.map(\.position) == [4])
            #expect(lag.map(\.records) == [6])
            #expect(consumer.watermarks(of: partition).map { $0.high } == 10)
        }
    }
}
