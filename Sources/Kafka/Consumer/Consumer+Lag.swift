import CRdKafka

/// How far a consumer is from the end of a partition.
package struct PartitionLag: Hashable, Sendable {
    /// The partition.
    package let partition: TopicPartition
    /// The offset of the next record that `receive` will return.
    package let position: Int64
    /// The end offset, as of the last fetch.
    package let high: Int64
    /// The number of records not yet received.
    package var records: Int64 { max(high - position, 0) }
}

extension Consumer {
    /// The lag of each assigned partition from which something was read. Local: sends no request.
    package func lag() -> [PartitionLag] {
        let list = TopicPartitionList(assignment)
        guard rd_kafka_position(client.pointer, list.pointer) == RD_KAFKA_RESP_ERR_NO_ERROR else { return [] }
        return list.elements.compactMap { element in
            guard element.offset >= 0, let marks = watermarks(of: element.identity), marks.high >= 0 else { return nil }
            return PartitionLag(partition: element.identity, position: element.offset, high: marks.high)
        }
    }

    /// A partition's beginning and end offsets, as of the last fetch; nil before the first. Local: sends no request.
    package func watermarks(of partition: TopicPartition) -> (low: Int64, high: Int64)? {
        var low: Int64 = -1
        var high: Int64 = -1
        let code = rd_kafka_get_watermark_offsets(
            client.pointer, partition.topic, partition.partition, &low, &high)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, high >= 0 else { return nil }
        return (max(low, 0), high)
    }

    /// Asks the broker for a partition's beginning and end offsets. Waits at most `within`.
    ///
    /// Assigning from `.at(high)` reads every record written after this call. `.end` is resolved later, when the broker
    /// handles the assignment.
    package func queryWatermarks(
        of partition: TopicPartition, within: Duration = .seconds(5)
    ) throws(KafkaError) -> (low: Int64, high: Int64) {
        try client.queryWatermarks(of: partition, within: within)
    }

    /// Asks the brokers for the offset of the first record at or after this time in each partition; nil if there is
    /// none. Waits at most `within`.
    package func offsets(
        since milliseconds: Int64, in partitions: [TopicPartition], within: Duration = .seconds(10)
    ) throws(KafkaError) -> [TopicPartition: Int64?] {
        // librdkafka rejects an empty list as an invalid argument.
        guard !partitions.isEmpty else { return [:] }
        let list = TopicPartitionList(partitions.map { ($0, milliseconds) })
        try KafkaError.check(
            rd_kafka_offsets_for_times(client.pointer, list.pointer, within.nativeMilliseconds), "find offsets by time")
        try list.checkEach("find an offset by time of")
        return Dictionary(uniqueKeysWithValues: list.elements.map { ($0.identity, $0.offset >= 0 ? $0.offset : nil) })
    }
}
