import CRdKafka

extension Consumer {
    /// Stores the offset to commit for each partition: the last record's offset + 1. Local and cheap; `commitStored`
    /// sends it.
    ///
    /// - Returns: the partitions that are no longer assigned; no offset was stored for those.
    @discardableResult
    package func storeOffsets(_ offsets: [(TopicPartition, Int64)]) throws(KafkaError) -> [TopicPartition] {
        guard !offsets.isEmpty else { return [] }
        let list = TopicPartitionList(offsets)
        let result = KafkaErrorCode(rd_kafka_offsets_store(client.pointer, list.pointer))
        var refused: [TopicPartition] = []
        for element in list.elements where element.err != RD_KAFKA_RESP_ERR_NO_ERROR {
            let code = KafkaErrorCode(element.err)
            guard code == .erroneousState || code == .unknownPartition else {
                throw KafkaError(code, operation: "store the offset of \(element.identity)")
            }
            refused.append(element.identity)
        }
        if refused.isEmpty { try KafkaError.check(result.native, "store offsets") }
        return refused
    }

    /// Commits the offsets stored by `storeOffsets` for the current assignment. Nothing to commit is not an error.
    ///
    /// - Parameters:
    ///   - synchronously: waits at most `within` for the broker's answer. Otherwise errors go to `KafkaLog.onError`.
    ///   - within: how long to wait. After `.timedOut` the commit may still succeed.
    /// - Throws: a code that `isNormalInRebalance` if the group has rebalanced: do not retry.
    package func commitStored(synchronously: Bool, within: Duration = .seconds(10)) throws(KafkaError) {
        try commit(nil, synchronously: synchronously, within: within)
    }

    /// Commits exactly these offsets (the last record's + 1), see `commitStored(synchronously:within:)`.
    package func commit(
        _ offsets: [(TopicPartition, Int64)], synchronously: Bool = true, within: Duration = .seconds(10)
    ) throws(KafkaError) {
        guard !offsets.isEmpty else { return }
        let list = TopicPartitionList(offsets)
        try commit(list.pointer, synchronously: synchronously, within: within)
    }

    private func commit(
        _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?, synchronously: Bool, within: Duration
    ) throws(KafkaError) {
        guard synchronously else {
            let code = rd_kafka_commit(client.pointer, list, 1)
            guard code != RD_KAFKA_RESP_ERR__NO_OFFSET else { return }
            return try KafkaError.check(code, "commit offsets")
        }
        // rd_kafka_commit() has no timeout, so take the answer from our own queue.
        let answers = rd_kafka_queue_new(client.pointer)
        defer { rd_kafka_queue_destroy(answers) }
        try KafkaError.check(rd_kafka_commit_queue(client.pointer, list, answers, nil, nil), "commit offsets")
        guard let event = rd_kafka_queue_poll(answers, within.nativeMilliseconds) else {
            throw KafkaError(.timedOut, operation: "commit offsets", isRetriable: true)
        }
        defer { rd_kafka_event_destroy(event) }
        let code = rd_kafka_event_error(event)
        guard code != RD_KAFKA_RESP_ERR__NO_OFFSET else { return }
        try KafkaError.check(code, "commit offsets")
        guard let answered = rd_kafka_event_topic_partition_list(event) else { return }
        for element in answered.pointee.buffer where element.err != RD_KAFKA_RESP_ERR_NO_ERROR {
            throw KafkaError(KafkaErrorCode(element.err), operation: "commit the offset of \(element.identity)")
        }
    }

    /// Asks the group coordinator for the committed offsets; nil for a partition without one. Waits at most `within`.
    package func committed(
        _ partitions: [TopicPartition], within: Duration = .seconds(10)
    ) throws(KafkaError) -> [(TopicPartition, Int64?)] {
        let list = TopicPartitionList(partitions)
        try KafkaError.check(
            rd_kafka_committed(client.pointer, list.pointer, within.nativeMilliseconds), "read committed offsets")
        try list.checkEach("read the committed offset of")
        return list.elements.map { ($0.identity, $0.offset >= 0 ? $0.offset : nil) }
    }

    /// Whether this member has joined the group. With the consumer protocol, a member without partitions gets no
    /// callback.
    package var isInGroup: Bool {
        guard let pointer = rd_kafka_consumer_group_metadata(client.pointer) else { return false }
        defer { rd_kafka_consumer_group_metadata_destroy(pointer) }
        return rd_kafka_consumer_group_metadata_generation_id(pointer) > 0
    }

    /// What a transactional producer needs to commit offsets on behalf of this member.
    package func groupMetadata() throws(KafkaError) -> ConsumerGroupMetadata {
        guard let pointer = rd_kafka_consumer_group_metadata(client.pointer) else {
            throw KafkaError(.erroneousState, operation: "read group metadata", message: "the consumer has no group")
        }
        return ConsumerGroupMetadata(pointer: pointer)
    }
}

/// A member's identity in its group at one moment. Fetch it again after every rebalance.
package struct ConsumerGroupMetadata: ~Copyable {
    let pointer: OpaquePointer

    deinit { rd_kafka_consumer_group_metadata_destroy(pointer) }
}
