import CRdKafka

extension Consumer {
    /// Joins the group and shares the topics' partitions with its other members; replaces an earlier subscription.
    package func subscribe(to topics: [String]) throws(KafkaError) {
        let list = TopicPartitionList(topics.map { TopicPartition(topic: $0, partition: -1) })
        try KafkaError.check(rd_kafka_subscribe(client.pointer, list.pointer), "subscribe")
    }

    /// Reads exactly these partitions, from these offsets, sharing them with nobody; replaces an earlier assignment.
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

    /// The partitions that are ours now.
    package var assignment: [TopicPartition] {
        if let direct { return direct.partitions }
        var list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
        guard rd_kafka_assignment(client.pointer, &list) == RD_KAFKA_RESP_ERR_NO_ERROR, let list else { return [] }
        defer { rd_kafka_topic_partition_list_destroy(list) }
        return list.pointee.partitions
    }

    /// Whether the group has taken the assignment away already, without waiting for us: nothing may be committed.
    package var assignmentLost: Bool { rd_kafka_assignment_lost(client.pointer) != 0 }

    /// Stops fetching from these partitions; records already fetched are dropped and come again after `resume`.
    package func pause(_ partitions: [TopicPartition]) throws(KafkaError) {
        let list = TopicPartitionList(partitions)
        try KafkaError.check(rd_kafka_pause_partitions(client.pointer, list.pointer), "pause")
        try list.checkEach("pause")
    }

    /// Goes on fetching from these partitions.
    package func resume(_ partitions: [TopicPartition]) throws(KafkaError) {
        let list = TopicPartitionList(partitions)
        try KafkaError.check(rd_kafka_resume_partitions(client.pointer, list.pointer), "resume")
        try list.checkEach("resume")
    }

    /// Goes to these offsets; the next records received are those from there. Waits, at most `within`, until the
    /// fetchers have turned.
    package func seek(to offsets: [(TopicPartition, Int64)], within: Duration = .seconds(5)) throws(KafkaError) {
        let list = TopicPartitionList(offsets)
        try KafkaError.check(
            consuming: rd_kafka_seek_partitions(client.pointer, list.pointer, within.nativeMilliseconds), "seek")
        try list.checkEach("seek")
    }

    /// Goes to one offset of one partition, see `seek(to:within:)`.
    package func seek(_ partition: TopicPartition, to offset: Int64) throws(KafkaError) {
        try seek(to: [(partition, offset)])
    }

    /// Leaves the group, having told the rebalance handler of what is given up, and takes no more records.
    ///
    /// Waits at most about `within`, then gives up politeness: the group notices after `session.timeout.ms`. Offsets that are
    /// stored and not committed stay uncommitted unless the handler commits them or `enable.auto.commit` is on. Safe to call twice.
    /// A member with a `group.instance.id` does not leave: its partitions wait for its return until the session is over.
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

    /// Leaves the group as a member without a partition.
    ///
    /// Up to 2.16 at least, librdkafka closes such a member without telling the group (`rd_kafka_cgrp_revoke_all_rejoin`
    /// returns early), and the next rebalance waits for it for all of its session. Unsubscribing tells it, once a
    /// rebalance that is under way is over.
    private func leave(until deadline: ContinuousClock.Instant) {
        rd_kafka_unsubscribe(client.pointer)
        while isMember, ContinuousClock.now < deadline { Self.serve(queue) }
    }

    /// Whether the group knows us.
    private var isMember: Bool {
        guard let id = rd_kafka_memberid(client.pointer) else { return false }
        defer { rd_kafka_mem_free(client.pointer, id) }
        return id.pointee != 0
    }

    /// Lets callbacks run, and drops what else arrives.
    private static func serve(_ queue: OpaquePointer?) {
        var message: UnsafeMutablePointer<rd_kafka_message_t>?
        if rd_kafka_consume_batch_queue(queue, 20, &message, 1) > 0 { rd_kafka_message_destroy(message) }
    }
}

extension TopicPartitionList {
    /// Throws the first partition's error, if any has one.
    borrowing func checkEach(_ operation: String) throws(KafkaError) {
        for element in elements where element.err != RD_KAFKA_RESP_ERR_NO_ERROR {
            throw KafkaError(KafkaErrorCode(element.err), operation: "\(operation) \(element.identity)")
        }
    }
}

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
