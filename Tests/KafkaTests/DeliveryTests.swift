import Kafka
import TestSupport
import Testing

@Suite("Deliveries that fail", .timeLimit(.minutes(2)))
struct DeliveryTests {
    @Test("a full queue is backpressure: nothing taken, and it goes on after the reports")
    func queueFull() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("t")
        try await onOwnThread {
            // Records linger for ever, so that the queue fills.
            let producer = try Clients(cluster).producer([
                "queue.buffering.max.messages": "10", "linger.ms": "200000",
            ])
            let topic = try producer.topic("t")
            var headers = RecordHeaders()
            func send(_ token: UInt) throws(KafkaError) {
                headers.append(name: "n", value: "v")
                try producer.send(to: topic, key: nil, value: nil, headers: &headers, token: token)
            }
            for token in 0..<10 { try send(UInt(token)) }
            let error = #expect(throws: KafkaError.self) { try send(10) }
            #expect(error?.code == .queueFull)
            #expect(error?.isRetriable == true)
            #expect(headers.count == 1)
            #expect(producer.queuedCount == 10)

            var tokens: [UInt] = []
            try producer.flush(within: .seconds(20)) { token, error, _, _ in
                #expect(error == nil)
                tokens.append(token)
            }
            try producer.send(to: topic, key: nil, value: nil, headers: &headers, token: 10)
            try producer.flush(within: .seconds(20)) { token, _, _, _ in tokens.append(token) }
            #expect(tokens.sorted() == Array(0...10))
        }
    }

    @Test("a record that is too large is refused at once, and its neighbours go")
    func tooLarge() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("t")
        try await onOwnThread {
            let producer = try Clients(cluster).producer(["message.max.bytes": "2000"])
            let topic = try producer.topic("t")
            try producer.send(to: topic, key: nil, value: [1], token: 1, copying: true)
            let error = #expect(throws: KafkaError.self) {
                try producer.send(
                    to: topic, key: nil, value: [UInt8](repeating: 0, count: 3000), token: 2, copying: true)
            }
            #expect(error?.code == .messageSizeTooLarge)
            try producer.send(to: topic, key: nil, value: [3], token: 3, copying: true)
            var tokens: [UInt] = []
            try producer.flush(within: .seconds(20)) { token, error, _, _ in
                #expect(error == nil)
                tokens.append(token)
            }
            #expect(tokens.sorted() == [1, 3])
        }
    }

    @Test(
        "what the broker refuses is reported with its code",
        arguments: [KafkaErrorCode.messageSizeTooLarge, .topicAuthorizationFailed])
    func refused(code: KafkaErrorCode) async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("t")
        cluster.pushRequestErrors(.produce, [code])
        try await onOwnThread {
            let producer = try Clients(cluster).producer()
            try producer.send(to: producer.topic("t"), key: nil, value: [1], token: 5, copying: true)
            var reports: [KafkaErrorCode?] = []
            try producer.flush(within: .seconds(20)) { token, error, _, _ in
                #expect(token == 5)
                reports.append(error)
            }
            #expect(reports == [code])
        }
    }

    @Test(
        "what passes is tried again",
        arguments: [KafkaErrorCode.notLeader, .requestTimedOut, .notEnoughReplicas])
    func retried(code: KafkaErrorCode) async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("t")
        cluster.pushRequestErrors(.produce, [code, code])
        try await onOwnThread {
            let producer = try Clients(cluster).producer(["retry.backoff.ms": "10", "enable.idempotence": "true"])
            try producer.send(to: producer.topic("t"), key: nil, value: [1], token: 5, copying: true)
            var reports: [KafkaErrorCode?] = []
            try producer.flush(within: .seconds(20)) { _, error, _, _ in reports.append(error) }
            #expect(reports == [nil])
        }
        #expect(cluster.requests().filter { $0 == .produce }.count == 3)
    }

    @Test("a partition that the topic has not is reported or refused")
    func unknownPartition() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("t", partitions: 2)
        // Before the topic is known a report says so, afterwards the call. Without a broker it stays unknown.
        cluster.setBroker(isDown: true)
        try await onOwnThread {
            let producer = try Clients(cluster).producer()
            let topic = try producer.topic("t")
            try producer.send(to: topic, partition: 9, key: nil, value: [1], token: 9, copying: true)
            cluster.setBroker(isDown: false)
            var reports: [KafkaErrorCode?] = []
            try producer.flush(within: .seconds(20)) { _, error, _, _ in reports.append(error) }
            #expect(reports == [.unknownPartition])
            let error = #expect(throws: KafkaError.self) {
                try producer.send(to: topic, partition: 9, key: nil, value: [1], token: 9, copying: true)
            }
            #expect(error?.code == .unknownPartition)
            #expect(producer.queuedCount == 0)
        }
    }

    @Test("without a broker records time out, flush gives up, and purge drops")
    func noBroker() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("t")
        cluster.setBroker(isDown: true)
        try await onOwnThread {
            let clients = Clients(cluster)
            let hasty = try clients.producer(["message.timeout.ms": "200"])
            try hasty.send(to: hasty.topic("t"), key: nil, value: [1], token: 1, copying: true)
            var reports: [KafkaErrorCode?] = []
            try hasty.flush(within: .seconds(20)) { _, error, _, _ in reports.append(error) }
            #expect(reports == [.messageTimedOut])

            let patient = try clients.producer()
            try patient.send(to: patient.topic("t"), key: nil, value: [1], token: 2, copying: true)
            let error = #expect(throws: KafkaError.self) { try patient.flush(within: .milliseconds(50)) }
            #expect(error?.code == .timedOut)
            #expect(patient.queuedCount >= 1)
            patient.purge()
            reports = []
            try patient.flush(within: .seconds(20)) { _, error, _, _ in reports.append(error) }
            #expect(reports == [.purgedInQueue])
        }
    }

    @Test("reports cannot be turned off")
    func everyRecordIsReported() {
        let error = #expect(throws: KafkaError.self) {
            try Clients("127.0.0.1:1").producer(["delivery.report.only.error": "true"])
        }
        #expect(error?.message.contains("delivery.report.only.error") == true)
    }
}
