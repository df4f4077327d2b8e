import Kafka

/// How many records a topic has got, by its end offsets: without reading them, so that next to nothing of the processor and of
/// the broker is taken from what is measured.
final class RecordCount {
    private let consumer: Consumer
    private let partitions: [TopicPartition]

    init(of topic: String, on stage: Stage) throws {
        consumer = try Consumer(properties: stage.readerProperties, log: stage.log)
        partitions = stage.partitions(of: topic)
    }

    deinit { consumer.close() }

    func now() throws -> Int {
        try partitions.reduce(0) { try $0 + Int(consumer.queryWatermarks(of: $1, within: .seconds(10)).high) }
    }
}
