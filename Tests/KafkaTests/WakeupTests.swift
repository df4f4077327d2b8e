import Kafka
import TestSupport
import Testing

@Suite("Wakeup", .timeLimit(.minutes(2)))
struct WakeupTests {
    @Test("a signal that comes before the wait is remembered, once")
    func remembered() throws {
        let wakeup = try Wakeup()
        #expect(!wakeup.wait(timeout: .zero))
        wakeup.signal()
        wakeup.signal()
        #expect(wakeup.wait(timeout: .seconds(60)))
        #expect(!wakeup.wait(timeout: .zero))
    }

    @Test("a signal from another thread ends the wait")
    func otherThread() async throws {
        let wakeup = try Wakeup()
        async let woken = onOwnThread { wakeup.wait(timeout: .seconds(60)) }
        wakeup.signal()
        #expect(try await woken)
    }

    @Test("one wakeup tells of records and of delivery reports")
    func shared() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("t")
        try await onOwnThread {
            let wakeup = try Wakeup()
            let clients = Clients(cluster)
            let consumer = try clients.consumer(wakeup: wakeup)
            let producer = try clients.producer(wakeup: wakeup)
            try consumer.assign([(TopicPartition(topic: "t", partition: 0), .beginning)])
            try producer.send(to: producer.topic("t"), key: nil, value: [1], token: 7, copying: true)
            var tokens: [UInt] = []
            var records = 0
            // Nothing is asked for but after a wake-up: if one were missed, this would hang.
            while tokens.isEmpty || records == 0 {
                try #require(wakeup.wait(timeout: .seconds(30)))
                producer.receiveDeliveryReports { token, _, _, _ in tokens.append(token) }
                records += try consumer.receive(maximum: 10).count
            }
            #expect(tokens == [7])
            #expect(records == 1)
        }
    }

    @Test("a full batch leaves the wakeup signalled, since more may be there")
    func fullBatch() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("t")
        try await onOwnThread {
            let clients = Clients(cluster)
            try clients.send((0..<100).map { "\($0)" }, to: "t")
            let wakeup = try Wakeup()
            let consumer = try clients.consumer(wakeup: wakeup)
            try consumer.assign([(TopicPartition(topic: "t", partition: 0), .beginning)])
            var records = 0
            while records < 100 {
                try #require(wakeup.wait(timeout: .seconds(30)))
                let count = try consumer.receive(maximum: 3).count
                #expect(count <= 3)
                records += count
            }
            #expect(records == 100)
        }
    }
}
