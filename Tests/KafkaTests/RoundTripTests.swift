import Kafka
import TestSupport
import Testing

@Suite("Records there and back", .timeLimit(.minutes(2)))
struct RoundTripTests {
    static let bytes: [[UInt8]?] = [nil, [], [0], Array(0...255)]

    @Test("key and value keep every byte, and null is not empty", arguments: bytes, bytes)
    func keyAndValue(key: [UInt8]?, value: [UInt8]?) async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("t")
        let received = try await onOwnThread {
            let clients = Clients(cluster)
            let producer = try clients.producer()
            try producer.send(to: producer.topic("t"), partition: 0, key: key, value: value, copying: true)
            try producer.flush(within: .seconds(20))
            let consumer = try clients.consumer()
            try consumer.assign([(TopicPartition(topic: "t", partition: 0), .beginning)])
            return try consumer.receive(1)
        }
        #expect(received.map(\.key) == [key])
        #expect(received.map(\.value) == [value])
        #expect(received.map(\.topic) == ["t"])
        #expect(received.map(\.headers) == [[]])
        #expect(received.allSatisfy { $0.timestamp > 1_600_000_000_000 })
    }

    @Test("headers keep order, repeats, nulls and every byte, and are copied so")
    func headers() async throws {
        let sent: [Received.Header] = [
            .init(name: "kafka_correlationId", value: Array(0...255)), .init(name: "twice", value: [1]),
            .init(name: "null", value: nil), .init(name: "empty", value: []), .init(name: "twice", value: [2]),
            .init(name: "größe", value: Array("größer".utf8)), .init(name: "", value: [3]),
        ]
        let cluster = try MockCluster()
        try cluster.createTopic("t")
        try await onOwnThread {
            let clients = Clients(cluster)
            let producer = try clients.producer()
            let topic = try producer.topic("t")
            var headers = RecordHeaders()
            for header in sent {
                Array(header.name.utf8).withUnsafeBytes { name in
                    withBytes(of: header.value) { headers.append(nameBytes: name, value: $0) }
                }
            }
            #expect(headers.count == sent.count)
            try producer.send(to: topic, partition: 0, key: nil, value: nil, headers: &headers, token: 0)
            #expect(headers.count == 0)
            try producer.flush(within: .seconds(20))

            let consumer = try clients.consumer()
            try consumer.assign([(TopicPartition(topic: "t", partition: 0), .beginning)])
            var first: [Received] = []
            try repeatUntil({ !first.isEmpty }) {
                let batch = try consumer.receive(maximum: 1, waiting: .milliseconds(100))
                guard !batch.isEmpty else { return }
                first.append(Received(batch.record(at: 0), from: consumer))
                // The copy is sent on while the record that it came from is still there.
                headers.copy(of: batch.record(at: 0))
                headers.append(name: "added", value: "later")
                try producer.send(to: topic, partition: 0, key: nil, value: nil, headers: &headers, token: 0)
                try producer.flush(within: .seconds(20))
            }
            #expect(first.map(\.headers) == [sent])
            let second = try consumer.receive(1)
            #expect(second.map(\.headers) == [sent + [.init(name: "added", value: Array("later".utf8))]])
        }
    }

    @Test("values are lent, not copied, and each token comes back once")
    func lentValues() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("t")
        let count = 1000
        let received = try await onOwnThread {
            let clients = Clients(cluster)
            let arena = UnsafeMutableRawBufferPointer.allocate(byteCount: count * 8, alignment: 8)
            defer { arena.deallocate() }
            let producer = try clients.producer()
            let topic = try producer.topic("t")
            for index in 0..<count {
                let slot = UnsafeRawBufferPointer(rebasing: arena[index * 8..<index * 8 + 8])
                arena.storeBytes(of: UInt64(index), toByteOffset: index * 8, as: UInt64.self)
                try producer.send(to: topic, partition: 0, key: nil, value: slot, token: UInt(index))
            }
            var tokens: [UInt] = []
            var offsets: [Int64] = []
            try producer.flush(within: .seconds(20)) { token, error, partition, offset in
                #expect(error == nil && partition == 0)
                tokens.append(token)
                offsets.append(offset)
            }
            #expect(tokens == (0..<UInt(count)).map { $0 })
            #expect(offsets == (0..<Int64(count)).map { $0 })
            #expect(producer.queuedCount == 0)
            let consumer = try clients.consumer()
            try consumer.assign([(TopicPartition(topic: "t", partition: 0), .beginning)])
            return try consumer.receive(count, atMost: 64)
        }
        #expect(
            received.map { $0.value?.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } }
                == (0..<UInt64(count)).map { $0 })
        #expect(received.map(\.offset) == (0..<Int64(count)).map { $0 })
    }

    @Test("several batches live side by side, and topics are told apart by number")
    func severalBatches() async throws {
        let cluster = try MockCluster()
        try await onOwnThread {
            let clients = Clients(cluster)
            for topic in ["a", "b"] {
                try cluster.createTopic(topic)
                try clients.send(["1", "2", "3"].map { topic + $0 }, to: topic)
            }
            let consumer = try clients.consumer()
            try consumer.assign(["a", "b"].map { (TopicPartition(topic: $0, partition: 0), .beginning) })
            var kept: [Received] = []
            var ids: Set<TopicID> = []
            try repeatUntil({ kept.count >= 6 }) {
                let one = try consumer.receive(maximum: 1, waiting: .milliseconds(100))
                let two = try consumer.receive(maximum: 1, waiting: .milliseconds(100))
                for index in 0..<one.count {
                    ids.insert(one.record(at: index).topic)
                    kept.append(Received(one.record(at: index), from: consumer))
                }
                for index in 0..<two.count {
                    ids.insert(two.record(at: index).topic)
                    kept.append(Received(two.record(at: index), from: consumer))
                }
            }
            #expect(kept.map(\.text).sorted() == ["a1", "a2", "a3", "b1", "b2", "b3"])
            #expect(kept.allSatisfy { $0.text.hasPrefix($0.topic) })
            #expect(Set(ids.map { consumer.topicName($0) }) == ["a", "b"])
            #expect(ids.contains(consumer.topicID(named: "a")))
        }
    }
}
