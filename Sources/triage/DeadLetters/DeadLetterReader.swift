import Foundation
import Kafka

/// Reads what lies in the dead-letter topic now, all partitions, from given offsets up to their present ends.
///
/// It assigns itself: any number of readers see everything, and none disturbs another.
struct DeadLetterReader {
    let consumer: Consumer
    let topic: String
    private var ends: [Int32: Int64] = [:]
    private var positions: [Int32: Int64] = [:]

    /// - Parameters:
    ///   - group: the group whose committed offsets to start after; nil starts at the oldest record.
    init(properties: KafkaProperties, topic: String, group: String?, log: KafkaLog) throws {
        var properties = properties
        properties["group.id"] = group
        properties["enable.partition.eof"] = "false"
        consumer = try Consumer(properties: properties, log: log)
        self.topic = topic
        let admin = try AdminClient(properties: properties, log: log)
        guard let count = try admin.metadata().topics[topic] else {
            throw CommandFailure.unavailable("there is no topic \(topic); 'triage topics create' makes it")
        }
        let partitions = (0..<Int32(count)).map { TopicPartition(topic: topic, partition: $0) }
        var committed: [TopicPartition: Int64] = [:]
        if group != nil {
            for case (let partition, let offset?) in try consumer.committed(partitions) {
                committed[partition] = offset
            }
        }
        for partition in partitions {
            let (low, high) = try consumer.queryWatermarks(of: partition)
            positions[partition.partition] = max(low, committed[partition] ?? low)
            ends[partition.partition] = high
        }
        try consumer.assign(
            partitions.compactMap { partition in
                remaining(in: partition.partition) > 0
                    ? (partition, .at(positions[partition.partition] ?? 0)) : nil
            })
    }

    private func remaining(in partition: Int32) -> Int64 {
        (ends[partition] ?? 0) - (positions[partition] ?? 0)
    }

    /// Records between the positions and the ends.
    var remaining: Int64 { positions.keys.reduce(0) { $0 + max(0, remaining(in: $1)) } }

    /// Lends the records up to the ends to `body`, in order within each partition, until it returns false.
    /// - Throws: ``CommandFailure`` when the broker stops answering.
    mutating func forEach(within patience: Duration = .seconds(30), _ body: (ConsumedRecord) throws -> Bool) throws {
        var last = ContinuousClock.now
        while remaining > 0 {
            let batch = try consumer.receive(maximum: 500, waiting: .milliseconds(200))
            if !batch.isEmpty { last = .now }
            guard last.duration(to: .now) < patience else {
                throw CommandFailure.unavailable(
                    "the broker gives no more of \(topic); \(remaining) records are unread")
            }
            for index in 0..<batch.count {
                let record = batch.record(at: index)
                guard remaining(in: record.partition) > 0 else { continue }
                positions[record.partition] = record.offset + 1
                guard try body(record) else { return }
            }
        }
    }
}
