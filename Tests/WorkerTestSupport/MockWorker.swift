import Classification
package import Kafka
import Logging
import Messages
package import Telemetry
package import TestSupport
package import Worker

/// A whole worker in this process against librdkafka's mock cluster, whose brokers give errors on demand.
///
/// Nothing here blocks one of Swift's few threads, which the worker needs too: waiting is done by sleeping tasks.
package final class MockWorker {
    package let cluster: MockCluster
    package var configuration = WorkerConfiguration()
    package let registry = PrometheusRegistry()
    package var source = ModelSource(path: nil) { FixedClassifier() }
    /// What the worker has said.
    package let log = RecordedLog()
    private var task: Task<Void, any Error>?
    private var others: [Task<Void, any Error>] = []
    private let quiet: KafkaLog

    package static let groupProtocols: [WorkerConfiguration.GroupProtocol] = [.classic, .consumer]

    package struct Request {
        package var key: String?
        package var value: String
        package var headers: [(String, [UInt8])] = []
        package var partition: Int32?

        package init(_ value: String, key: String? = nil, headers: [(String, [UInt8])] = [], partition: Int32? = nil) {
            self.key = key
            self.value = value
            self.headers = headers
            self.partition = partition
        }
    }

    package struct Record {
        package var partition: Int32
        package var offset: Int64
        package var key: [UInt8]?
        package var value: String?
        package var headers: [String: [UInt8]] = [:]

        package func header(_ name: String) -> String? { headers[name].map { String(decoding: $0, as: UTF8.self) } }
    }

    private init(brokers: Int) throws {
        cluster = try MockCluster(brokers: brokers)
        for topic in [
            configuration.topics.requests, configuration.topics.interactive, configuration.topics.replies,
            configuration.topics.gatewayReplies, configuration.topics.deadLetters,
        ] {
            try cluster.createTopic(topic, partitions: 2)
            for partition in Int32(0)..<2 {
                cluster.setLeader(of: TopicPartition(topic: topic, partition: partition), broker: 1)
            }
        }
        quiet = KafkaLog(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        configuration.kafka = ["bootstrap.servers": cluster.bootstrapServers]
        configuration.group = uniqueName("group")
        for suffix in ["", "-interactive"] { cluster.setCoordinator(ofGroup: configuration.group + suffix, broker: 1) }
        configuration.sessionTimeout = .seconds(6)
        configuration.commitInterval = .milliseconds(20)
        configuration.startTimeout = .seconds(10)
    }

    /// Runs the body with a worker, not started yet, and sees to it that none is left running.
    package static func with(brokers: Int = 1, _ body: (MockWorker) async throws -> Void) async throws {
        let worker = try MockWorker(brokers: brokers)
        let result: Result<Void, any Error>
        do { result = .success(try await body(worker)) } catch { result = .failure(error) }
        for task in worker.others + [worker.task].compactMap(\.self) {
            task.cancel()
            _ = await task.result
        }
        try result.get()
    }

    package func start() throws {
        let service = try WorkerService(
            configuration: configuration, model: source, registry: registry, logger: log.logger)
        task = Task { try await service.run() }
    }

    /// Starts one more worker of the group. Returns what it will say.
    package func startAnother() throws -> RecordedLog {
        let log = RecordedLog()
        let service = try WorkerService(
            configuration: configuration, model: source, registry: PrometheusRegistry(), logger: log.logger)
        others.append(Task { try await service.run() })
        return log
    }

    /// Stops those, as SIGTERM does, and waits for their end.
    package func stopOthers() async throws {
        for other in others { other.cancel() }
        for other in others { try await other.value }
    }

    /// Asks it to stop, as SIGTERM does.
    package func askToStop() { task?.cancel() }

    /// Stops it as SIGTERM does, and waits for its end.
    package func stop() async throws {
        askToStop()
        try await task?.value
    }

    /// Waits until it ends by itself.
    package func end() async throws { try await task?.value }

    package func send(_ requests: [Request], to topic: String) async throws {
        let producer = try Producer(
            properties: ["bootstrap.servers": cluster.bootstrapServers, "linger.ms": "0"], log: quiet)
        let topic = try producer.topic(topic)
        for request in requests {
            var headers = RecordHeaders()
            for (name, value) in request.headers {
                var name = name
                name.withUTF8 { name in
                    value.withUnsafeBytes { headers.append(nameBytes: UnsafeRawBufferPointer(name), value: $0) }
                }
            }
            let key = request.key.map { Array($0.utf8) }
            try Array(request.value.utf8).withUnsafeBytes { value in
                try (key ?? []).withUnsafeBytes { bytes in
                    try producer.send(
                        to: topic, partition: request.partition, key: key == nil ? nil : bytes, value: value,
                        headers: &headers, token: 0, copying: true)
                }
            }
        }
        while producer.queuedCount > 0 {
            producer.receiveDeliveryReports { _, _, _, _ in }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// All records that a topic holds when nobody writes to it any more: those before marks that this writes behind them.
    package func readAll(_ topic: String) async throws -> [Record] {
        let mark = "the end"
        try await send((Int32(0)..<2).map { Request(mark, partition: $0) }, to: topic)
        let records = try await read(topic) { records in records.count { $0.value == mark } == 2 }
        return records.filter { $0.value != mark }
    }

    /// All records of a topic, once there are `count` of them; what there is after 30 s.
    package func read(_ topic: String, count: Int) async throws -> [Record] {
        try await read(topic) { $0.count >= count }
    }

    /// All records of a topic, once they are enough; what there is after 30 s.
    package func read(_ topic: String, until isEnough: ([Record]) -> Bool) async throws -> [Record] {
        let consumer = try Consumer(
            properties: ["bootstrap.servers": cluster.bootstrapServers, "fetch.wait.max.ms": "20"], log: quiet)
        let admin = try AdminClient(properties: ["bootstrap.servers": cluster.bootstrapServers], log: quiet)
        let partitions = try admin.partitions(of: [topic])[topic] ?? 0
        try consumer.assign(
            (0..<partitions).map { (TopicPartition(topic: topic, partition: Int32($0)), .beginning) })
        let deadline = ContinuousClock.now + .seconds(30)
        var records: [Record] = []
        while !isEnough(records), ContinuousClock.now < deadline {
            let batch = try consumer.receive(maximum: 1_000)
            for index in 0..<batch.count { records.append(Record(batch.record(at: index))) }
            if batch.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        }
        consumer.close()
        return records
    }

    /// The committed offsets of a lane's group; partitions without one are left out.
    package func committed(_ topic: String, group suffix: String = "") throws -> [Int32: Int64] {
        let consumer = try Consumer(
            properties: ["bootstrap.servers": cluster.bootstrapServers, "group.id": configuration.group + suffix],
            log: quiet)
        let offsets = try consumer.committed((0..<2).map { TopicPartition(topic: topic, partition: $0) })
        consumer.close()
        return Dictionary(
            uniqueKeysWithValues: offsets.compactMap { offset in offset.1.map { (offset.0.partition, $0) } })
    }

    /// Waits until a condition holds; returns whether it did within 20 s.
    package func eventually(_ condition: () throws -> Bool) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < deadline {
            if try condition() { return true }
            try await Task.sleep(for: .milliseconds(20))
        }
        return false
    }
}

extension MockWorker.Record {
    package init(_ record: ConsumedRecord) {
        self.init(
            partition: record.partition, offset: record.offset, key: record.key.map { [UInt8]($0) },
            value: record.value.map { String(decoding: $0, as: UTF8.self) })
        var headers: [String: [UInt8]] = [:]
        record.forEachHeader { name, value in headers[String(decoding: name, as: UTF8.self)] = value.map { [UInt8]($0) }
        }
        self.headers = headers
    }
}
