import CRdKafka

extension Consumer {
    /// Joins the group and subscribes to the topics. Replaces an earlier subscription.
    package func subscribe(to topics: [String]) throws(KafkaError) {
        let list = TopicPartitionList(topics.map { TopicPartition(topic: $0, partition: -1) })
        try KafkaError.check(rd_kafka_subscribe(client.pointer, list.pointer), "subscribe")
    }

    /// Reads exactly these partitions from these offsets, without group assignment. Replaces an earlier assignment.
    package func assign(_ partitions: [(TopicPartition, StartOffset)]) throws(KafkaError) {
        assignmentHasChanged()
        guard direct == nil else {
            direct?.stop()
            for (partition, offset) in partitions {
                try direct?.start(partition, at: offset, client: client, queue: queue)
            }
            return
        }
        let list = TopicPartitionList(partitions.map { ($0.0, $0.1.native) })
        try KafkaError.check(rd_kafka_assign(client.pointer, list.pointer), "assign")
    }

    /// The currently assigned partitions.
    package var assignment: [TopicPartition] {
        if let direct { return direct.partitions }
        var list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
        guard rd_kafka_assignment(client.pointer, &list) == RD_KAFKA_RESP_ERR_NO_ERROR, let list else { return [] }
        defer { rd_kafka_topic_partition_list_destroy(list) }
        return list.pointee.partitions
    }

    /// Whether the assignment was lost without a revocation: nothing may be committed.
    package var assignmentLost: Bool { rd_kafka_assignment_lost(client.pointer) != 0 }

    /// Stops fetching from these partitions. Records already fetched are dropped, and fetched again after `resume`.
    package func pause(_ partitions: [TopicPartition]) throws(KafkaError) {
        let list = TopicPartitionList(partitions)
        try KafkaError.check(rd_kafka_pause_partitions(client.pointer, list.pointer), "pause")
        try list.checkEach("pause")
    }

    /// Resumes fetching from these partitions.
    package func resume(_ partitions: [TopicPartition]) throws(KafkaError) {
        let list = TopicPartitionList(partitions)
        try KafkaError.check(rd_kafka_resume_partitions(client.pointer, list.pointer), "resume")
        try list.checkEach("resume")
    }

    /// Seeks to these offsets; `receive` then returns records from there. Waits at most `within` for the fetchers to
    /// seek.
    package func seek(to offsets: [(TopicPartition, Int64)], within: Duration = .seconds(5)) throws(KafkaError) {
        let list = TopicPartitionList(offsets)
        try KafkaError.check(
            consuming: rd_kafka_seek_partitions(client.pointer, list.pointer, within.nativeMilliseconds), "seek")
        try list.checkEach("seek")
    }

    /// Seeks to one offset of one partition, see `seek(to:within:)`.
    package func seek(_ partition: TopicPartition, to offset: Int64) throws(KafkaError) {
        try seek(to: [(partition, offset)])
    }

    /// Tells the rebalance handler which partitions are given up, leaves the group and stops receiving records.
    ///
    /// Waits at most about `within`. After that the group notices only when `session.timeout.ms` expires. Stored
    /// offsets are not committed unless the handler commits them or `enable.auto.commit` is on. Safe to call twice. A
    /// static member (`group.instance.id`) does not leave: its partitions stay assigned to it until its session
    /// expires.
    package func close(within: Duration = .seconds(10)) {
        guard phase == .open else { return }
        defer { phase = .closed }
        guard direct == nil else {
            direct?.stop()
            return
        }
        let deadline = ContinuousClock.now + within
        if leavesGroup, assignment.isEmpty { leave(until: deadline) }
        phase = .closing
        let closing = rd_kafka_queue_new(client.pointer)
        defer { rd_kafka_queue_destroy(closing) }
        if let error = rd_kafka_consumer_close_queue(client.pointer, closing) {
            rd_kafka_error_destroy(error)
            return
        }
        while rd_kafka_consumer_closed(client.pointer) == 0, ContinuousClock.now < deadline { Self.serve(closing) }
        if rd_kafka_consumer_closed(client.pointer) == 0 { client.abandon() }
    }

    /// Leaves the group as a member without partitions.
    ///
    /// Up to at least 2.16, librdkafka closes such a member without telling the group
    /// (`rd_kafka_cgrp_revoke_all_rejoin` returns early), and the next rebalance waits for its whole session timeout.
    /// Unsubscribing does tell the group, once any rebalance in progress is over.
    private func leave(until deadline: ContinuousClock.Instant) {
        rd_kafka_unsubscribe(client.pointer)
        while isMember, ContinuousClock.now < deadline { Self.serve(queue) }
    }

    /// Whether we have a member id.
    private var isMember: Bool {
        guard let id = rd_kafka_memberid(client.pointer) else { return false }
        defer { rd_kafka_mem_free(client.pointer, id) }
        return id.pointee != 0
    }

    /// Runs callbacks, and drops any record that arrives.
    private static func serve(_ queue: OpaquePointer?) {
        var message: UnsafeMutablePointer<rd_kafka_message_t>?
        if rd_kafka_consume_batch_queue(queue, 20, &message, 1) > 0 { rd_kafka_message_destroy(message) }
    }
}

extension TopicPartitionList {
    /// Throws the error of the first partition that has one.
    borrowing func checkEach(_ operation: String) throws(KafkaError) {
        for element in elements where element.err != RD_KAFKA_RESP_ERR_NO_ERROR {
            throw KafkaError(KafkaErrorCode(element.err), operation: "\(operation) \(element.identity)")
        }
    }
}

/// The partitions read by a consumer without a group. Uses librdkafka's simple consumer, which needs no coordinator.
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
