import CRdKafka

/// The partitions that a consumer without a group reads: librdkafka's simple consumer, which asks no coordinator.
struct DirectAssignment {
    private var started: [(topic: OpaquePointer, identity: TopicPartition)] = []

    var partitions: [TopicPartition] { started.map(\.identity) }

    mutating func start(
        _ partition: TopicPartition, at offset: StartOffset, client: NativeClient, queue: OpaquePointer
    ) throws(KafkaError) {
        guard let topic = rd_kafka_topic_new(client.pointer, partition.topic, nil) else {
            throw KafkaError(KafkaErrorCode(rd_kafka_last_error()), operation: "assign \(partition)")
        }
        guard rd_kafka_consume_start_queue(topic, partition.partition, offset.native, queue) == 0 else {
            let code = KafkaErrorCode(rd_kafka_last_error())
            rd_kafka_topic_destroy(topic)
            throw KafkaError(code, operation: "assign \(partition)")
        }
        started.append((topic, partition))
    }

    mutating func stop() {
        for (topic, identity) in started {
            rd_kafka_consume_stop(topic, identity.partition)
            rd_kafka_topic_destroy(topic)
        }
        started = []
    }
}
