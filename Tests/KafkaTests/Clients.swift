import Kafka
import TestSupport

/// Makes clients for one cluster, set up to be quick rather than gentle.
struct Clients: Sendable {
    let servers: String
    let log: KafkaLog
    var sessionTimeout = 6000

    init(_ servers: String, log: KafkaLog = KafkaLog(logger: RecordedLog().logger)) {
        self.servers = servers
        self.log = log
    }

    init(_ cluster: MockCluster, log: KafkaLog = KafkaLog(logger: RecordedLog().logger)) {
        self.init(cluster.bootstrapServers, log: log)
        // A mock group rebalances for a second less than this; real brokers want 6 s.
        sessionTimeout = 2500
    }

    func producer(_ properties: KafkaProperties = [:], wakeup: Wakeup? = nil) throws -> Producer {
        let base: KafkaProperties = ["bootstrap.servers": servers, "linger.ms": "1"]
        return try Producer(properties: base.merging(properties), wakeup: wakeup, log: log)
    }

    func consumer(
        group: String? = nil, _ properties: KafkaProperties = [:], handler: (any RebalanceHandler)? = nil,
        wakeup: Wakeup? = nil
    ) throws -> Consumer {
        var base: KafkaProperties = [
            "bootstrap.servers": servers, "auto.offset.reset": "earliest", "fetch.wait.max.ms": "10",
            "session.timeout.ms": "\(sessionTimeout)", "heartbeat.interval.ms": "100",
            "reconnect.backoff.max.ms": "200",
        ]
        base["group.id"] = group
        if properties["group.protocol"] == "consumer" {
            base["session.timeout.ms"] = nil
            base["heartbeat.interval.ms"] = nil
        }
        return try Consumer(
            properties: base.merging(properties), rebalanceHandler: handler, wakeup: wakeup, log: log)
    }

    /// Sends texts, one record each, to one partition, and waits until they are delivered.
    func send(_ texts: [String], to topic: String, partition: Int32 = 0) throws {
        let producer = try producer()
        let handle = try producer.topic(topic)
        for text in texts {
            try producer.send(
                to: handle, partition: partition, key: nil, value: Array(text.utf8), copying: true)
        }
        var failures: [KafkaErrorCode] = []
        try producer.flush(within: .seconds(20)) { _, error, _, _ in
            if let error { failures.append(error) }
        }
        if let failure = failures.first { throw Unexpected(message: "not delivered: \(failure)") }
    }
}

struct Unexpected: Error, CustomStringConvertible {
    let message: String
    var description: String { message }
}

extension Producer {
    /// Sends bytes that a test holds in arrays.
    func send(
        to topic: ProducerTopic, partition: Int32? = nil, key: [UInt8]?, value: [UInt8]?, token: UInt = 0,
        copying: Bool
    ) throws {
        var headers = RecordHeaders()
        try withBytes(of: key) { key in
            try withBytes(of: value) { value in
                try send(
                    to: topic, partition: partition, key: key, value: value, headers: &headers, token: token,
                    copying: copying)
            }
        }
    }
}

func withBytes<Result>(
    of bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) throws -> Result
) rethrows -> Result {
    guard let bytes else { return try body(nil) }
    return try bytes.withUnsafeBytes { try body($0) }
}

/// A record, copied out of its batch.
struct Received: Sendable, Equatable {
    struct Header: Sendable, Equatable {
        var name: String
        var value: [UInt8]?
    }
    var topic: String
    var partition: Int32
    var offset: Int64
    var timestamp: Int64
    var key: [UInt8]?
    var value: [UInt8]?
    var headers: [Header]

    var text: String { String(decoding: value ?? [], as: UTF8.self) }

    init(_ record: ConsumedRecord, from consumer: Consumer) {
        topic = consumer.topicName(record.topic)
        partition = record.partition
        offset = record.offset
        timestamp = record.timestampMilliseconds
        key = record.key.map(Array.init)
        value = record.value.map(Array.init)
        var headers: [Header] = []
        record.forEachHeader { name, value in
            headers.append(Header(name: String(decoding: name, as: UTF8.self), value: value.map(Array.init)))
        }
        self.headers = headers
    }
}

extension Consumer {
    /// Receives until `count` records have come.
    func receive(_ count: Int, atMost maximum: Int = 500) throws -> [Received] {
        var received: [Received] = []
        try repeatUntil({ received.count >= count }) {
            let batch = try receive(maximum: min(maximum, count - received.count), waiting: .milliseconds(100))
            for index in 0..<batch.count { received.append(Received(batch.record(at: index), from: self)) }
        }
        return received
    }

    /// Polls, so that callbacks are served, and expects no records, until something is so.
    func poll(until condition: () -> Bool) throws {
        try repeatUntil(condition) { _ = try receive(maximum: 1, waiting: .milliseconds(20)).count }
    }
}

/// Repeats a step, or throws after a time that no healthy machine needs.
func repeatUntil(_ condition: () -> Bool, _ step: () throws -> Void) throws {
    let deadline = ContinuousClock.now + .seconds(120)
    while !condition() {
        guard ContinuousClock.now < deadline else { throw Unexpected(message: "it did not happen within 120 s") }
        try step()
    }
}
