import Kafka
import Logging
import Synchronization
import TestSupport
import Testing

@Suite("Connections, errors and logs", .timeLimit(.minutes(2)))
struct ConnectionTests {
    /// Keeps what a client says outside of its calls.
    final class Events: Sendable {
        let errors = Mutex<[KafkaError]>([])
        let changes = Mutex<[Bool]>([])
        let statistics = Mutex<[String]>([])
        let recorded = RecordedLog()

        var log: KafkaLog {
            KafkaLog(
                logger: recorded.logger, onError: { error in self.errors.withLock { $0.append(error) } },
                onConnectionChange: { isConnected in self.changes.withLock { $0.append(isConnected) } },
                onStatistics: { json in self.statistics.withLock { $0.append(String(decoding: json, as: UTF8.self)) } })
        }
        func has(_ code: KafkaErrorCode) -> Bool { errors.withLock { $0.contains { $0.code == code } } }
        var connectionChanges: [Bool] { changes.withLock { $0 } }
    }

    @Test("a healthy client is silent")
    func silence() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("t")
        let events = Events()
        try await onOwnThread {
            // A property of the other kind of client is no reason to speak.
            let clients = Clients(cluster, log: events.log)
            try clients.send(["1"], to: "t")
            let consumer = try clients.consumer(group: "g", ["linger.ms": "5"])
            try consumer.subscribe(to: ["t"])
            _ = try consumer.receive(1)
            consumer.close()
        }
        #expect(events.recorded.lines == [])
        #expect(events.errors.withLock { $0 } == [])
    }

    @Test("one line when the brokers go and one when they are back, even for an idle consumer")
    func lostAndBack() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("t")
        let events = Events()
        try await onOwnThread {
            let consumer = try Clients(cluster, log: events.log).consumer()
            try consumer.assign([(TopicPartition(topic: "t", partition: 0), .end)])
            _ = try consumer.queryWatermarks(of: TopicPartition(topic: "t", partition: 0))
            cluster.setBroker(isDown: true)
            try consumer.poll { events.connectionChanges == [false] }
            cluster.setBroker(isDown: false)
            try consumer.poll { events.connectionChanges == [false, true] }
        }
        #expect(events.has(.allBrokersDown))
        #expect(events.recorded.lines.map(\.level) == [.warning, .notice])
        #expect(events.recorded.lines.first?.message.hasPrefix("no Kafka broker answers; trying on: ") == true)
    }

    @Test("a connection that the broker closes is no reason to speak while another can be had")
    func closedConnection() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("t")
        let events = Events()
        try await onOwnThread {
            let producer = try Clients(cluster, log: events.log).producer(["reconnect.backoff.ms": "10"])
            try producer.send(to: producer.topic("t"), key: nil, value: [1], copying: true)
            try producer.flush(within: .seconds(20))
            cluster.setBroker(isDown: true)
            cluster.setBroker(isDown: false)
            for _ in 0..<25 { producer.receiveDeliveryReports(waiting: .milliseconds(20)) { _, _, _, _ in } }
        }
        #expect(events.connectionChanges == [])
        #expect(events.recorded.lines == [])
    }

    @Test("a producer without a broker says so, with the reason, in one line")
    func nobodyThere() async throws {
        let events = Events()
        try await withRefusingPort { port in
            try await onOwnThread {
                let producer = try Clients("127.0.0.1:\(port)", log: events.log).producer()
                try repeatUntil({ events.has(.allBrokersDown) }) {
                    producer.receiveDeliveryReports(waiting: .milliseconds(20)) { _, _, _, _ in }
                }
            }
        }
        let lines = events.recorded.lines
        #expect(lines.count == 1)
        #expect(lines.first?.level == .warning)
        #expect(lines.first?.message.contains("Connection refused") == true)
    }

    @Test("an administrator without a broker says why")
    func adminWithoutBroker() async throws {
        let events = Events()
        try await withRefusingPort { port in
            let error = try await onOwnThread {
                let admin = try AdminClient(properties: ["bootstrap.servers": "127.0.0.1:\(port)"], log: events.log)
                return #expect(throws: KafkaError.self) { try admin.metadata(within: .seconds(1)) }
            }
            #expect(error?.code.isAboutConnection == true || error?.code == .timedOut)
            #expect(error?.message.contains("127.0.0.1:\(port)") == true)
            #expect(error?.message.contains("Connection refused") == true)
        }
        #expect(events.recorded.lines == [])
    }

    @Test("a topic that is not there is an error of the consumer, not of the call")
    func unknownTopic() async throws {
        let cluster = try MockCluster()
        let events = Events()
        try await onOwnThread {
            cluster.setTopicError("gone", .unknownTopicOrPartition)
            let consumer = try Clients(cluster, log: events.log).consumer(group: "g")
            try consumer.subscribe(to: ["gone"])
            try consumer.poll { events.has(.unknownTopicOrPartition) }
            consumer.close()
        }
        #expect(events.recorded.lines.count == 1)
    }

    @Test("statistics come as JSON when they are asked for")
    func statistics() async throws {
        let cluster = try MockCluster()
        let events = Events()
        try await onOwnThread {
            let clients = Clients(cluster, log: events.log)
            let producer = try clients.producer(["statistics.interval.ms": "20", "client.id": "the-producer"])
            let consumer = try clients.consumer(["statistics.interval.ms": "20", "client.id": "the-consumer"])
            func has(_ name: String) -> Bool {
                events.statistics.withLock { $0.contains { $0.hasPrefix("{") && $0.contains(name) } }
            }
            try repeatUntil({ has("the-producer") && has("the-consumer") }) {
                producer.receiveDeliveryReports(waiting: .milliseconds(20)) { _, _, _, _ in }
                _ = try consumer.receive(maximum: 1).count
            }
        }
    }
}
