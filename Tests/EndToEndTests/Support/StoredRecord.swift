import Kafka
import Messages
import TestSupport

/// A record, copied out of the client's memory.
struct StoredRecord: Sendable {
    struct Header: Sendable, Hashable {
        var name: String
        var value: [UInt8]?
    }

    var topic = ""
    var partition: Int32 = 0
    var offset: Int64 = 0
    var key: [UInt8]?
    var value: [UInt8]?
    var headers: [Header] = []

    /// A record to be published.
    init(key: [UInt8]? = nil, value: [UInt8]?, headers: [Header] = []) {
        self.key = key
        self.value = value
        self.headers = headers
    }

    init(_ record: ConsumedRecord, topic: String) {
        self.topic = topic
        partition = record.partition
        offset = record.offset
        key = record.key.map { [UInt8]($0) }
        value = record.value.map { [UInt8]($0) }
        var headers: [Header] = []
        record.forEachHeader { name, value in
            headers.append(Header(name: String(decoding: name, as: UTF8.self), value: value.map { [UInt8]($0) }))
        }
        self.headers = headers
    }

    /// Where it lies, as `triage-source` says it.
    var source: String { "\(topic)/\(partition)/\(offset)" }

    var text: String { String(decoding: value ?? [], as: UTF8.self) }

    /// The first header of a name, as text.
    func header(_ name: StaticString) -> String? {
        bytes(ofHeader: name).map { String(decoding: $0, as: UTF8.self) }
    }

    func bytes(ofHeader name: StaticString) -> [UInt8]? { headers.first { $0.name == "\(name)" }?.value }
}

extension Stage {
    /// Publishes records one after the other, and waits until the broker has them.
    ///
    /// - Returns: the records with their places.
    func publish(
        _ records: [StoredRecord], to topic: String, partition: Int32? = nil
    ) throws -> [StoredRecord] {
        let producer = try Producer(
            properties: properties.merging(["enable.idempotence": "true", "linger.ms": "1"]), log: log)
        let handle = try producer.topic(topic)
        var placed = records
        for (index, record) in records.enumerated() {
            var headers = RecordHeaders()
            for header in record.headers {
                Array(header.name.utf8).withUnsafeBytes { name in
                    withBytes(header.value) { headers.append(nameBytes: name, value: $0) }
                }
            }
            try withBytes(record.key) { key in
                try withBytes(record.value) { value in
                    try producer.send(
                        to: handle, partition: partition, key: key, value: value, headers: &headers, token: UInt(index),
                        copying: true)
                }
            }
        }
        var failure: KafkaErrorCode?
        try producer.flush(within: .seconds(20)) { token, error, partition, offset in
            failure = failure ?? error
            placed[Int(token)].topic = topic
            placed[Int(token)].partition = partition
            placed[Int(token)].offset = offset
        }
        if let failure { throw TimedOut(what: "the broker to take a record", details: failure.description) }
        return placed
    }

    /// Reads a topic from the beginning until there is enough.
    func read(
        _ topic: String, within limit: Duration = .seconds(30), until isEnough: ([StoredRecord]) -> Bool
    ) throws -> [StoredRecord] {
        try read([topic], within: limit, until: isEnough)
    }

    /// Reads so many records of several topics together.
    func read(_ topics: [String], count: Int, within limit: Duration = .seconds(30)) throws -> [StoredRecord] {
        try read(topics, within: limit) { $0.count >= count }
    }

    private func read(
        _ names: [String], within limit: Duration, until isEnough: ([StoredRecord]) -> Bool
    ) throws -> [StoredRecord] {
        let consumer = try Consumer(properties: readerProperties, log: log)
        defer { consumer.close() }
        try consumer.assign(names.flatMap { partitions(of: $0) }.map { ($0, .beginning) })
        var records: [StoredRecord] = []
        let deadline = ContinuousClock.now + limit
        while !isEnough(records) {
            guard ContinuousClock.now < deadline else {
                throw TimedOut(what: "records of \(names)", details: "there are \(records.count)")
            }
            let batch = try consumer.receive(maximum: 1_000, waiting: .milliseconds(100))
            for index in 0..<batch.count {
                let record = batch.record(at: index)
                let topic = consumer.topicName(record.topic)
                if [topics.replies, topics.gatewayReplies].contains(topic) { SeenAnswers.shared.add(record) }
                records.append(StoredRecord(record, topic: topic))
            }
        }
        return records
    }

    /// Reads so many records of a topic.
    func read(_ topic: String, count: Int, within limit: Duration = .seconds(30)) throws -> [StoredRecord] {
        try read(topic, within: limit) { $0.count >= count }
    }
}

/// Lends the bytes of an array; nil stays nil.
func withBytes<Result>(
    _ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) throws -> Result
) rethrows -> Result {
    guard let bytes else { return try body(nil) }
    return try bytes.withUnsafeBytes { try body($0) }
}
