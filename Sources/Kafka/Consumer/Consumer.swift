import CRdKafka

/// Reads records in batches, as a group member (`subscribe`) or standalone (`assign`).
///
/// Owned by one thread at a time: create it on any thread, then call it from one thread only, or hand it to another
/// thread. Calls return at once unless documented to wait. End it with `close`. Its memory is freed when the last batch
/// is destroyed.
///
/// ```swift
/// let consumer = try Consumer(
///     properties: ["bootstrap.servers": "127.0.0.1:9092", "group.id": "triage"], log: KafkaLog(logger: logger))
/// try consumer.subscribe(to: ["sentences"])
/// while !isStopping {
///     let batch = try consumer.receive(maximum: 500, waiting: .seconds(1))
///     for index in 0..<batch.count { handle(batch.record(at: index)) }
/// }
/// consumer.close()
/// ```
///
/// Only `storeOffsets` and `commit` store or commit offsets: `enable.auto.offset.store` is always off. By default
/// `enable.auto.commit` is off and, with the classic group protocol, `partition.assignment.strategy` is
/// `cooperative-sticky`.
package final class Consumer {
    let client: NativeClient
    let events: ClientEvents
    /// Delivers records, rebalances and errors.
    let queue: OpaquePointer
    private let wakeup: Wakeup
    weak var rebalanceHandler: (any RebalanceHandler)?
    /// Nil for a group member; otherwise the partitions read without a group.
    var direct: DirectAssignment?

    /// Whether `close` must make it leave its group: a classic-protocol member without `group.instance.id`. With the
    /// consumer protocol librdkafka leaves by itself, even with no partition assigned.
    let leavesGroup: Bool

    var phase = Phase.open
    private var topics = TopicNames()
    /// Partitions whose end was reached since the last `takeEnds`. At most as many as there are partitions.
    private var ends: Set<TopicPartition> = []
    private var spares: [MessagePointers] = []
    /// Counts assignment changes, so that `receive` notices one during its own call.
    private(set) var assignmentChanges = 0

    /// The stages of a consumer's life.
    enum Phase {
        case open
        /// Only the next rebalance callback is handled.
        case closing
        /// The handler has been told that all partitions are given up.
        case hasGivenUp
        case closed
    }

    /// Creates a consumer. It does not connect before the first `subscribe` or `assign`.
    ///
    /// - Parameters:
    ///   - properties: librdkafka's. Without a `group.id` only `assign` works, and no group permissions are needed.
    ///   - rebalanceHandler: told of assigned and revoked partitions; not retained.
    ///   - wakeup: signalled when something arrives; share it to serve several clients from one thread.
    ///   - log: where log lines and errors go.
    /// - Throws: an error that names the property if one is unknown or invalid.
    package init(
        properties: KafkaProperties, rebalanceHandler: (any RebalanceHandler)? = nil, wakeup: Wakeup? = nil,
        log: KafkaLog
    ) throws(KafkaError) {
        let isMember = properties["group.id"].map { !$0.isEmpty } ?? false
        let isClassic = properties["group.protocol"]?.lowercased() != "consumer"
        var defaults: KafkaProperties = ["enable.auto.commit": "false"]
        if isClassic { defaults["partition.assignment.strategy"] = "cooperative-sticky" }
        var resolved = isMember ? defaults.merging(properties) : properties
        resolved["enable.auto.offset.store"] = "false"
        leavesGroup = isMember && isClassic && resolved["group.instance.id"] == nil

        self.wakeup = if let wakeup { wakeup } else { try Wakeup() }
        let configuration = try NativeConfiguration(resolved)
        Self.installCallbacks(in: configuration.pointer, isMember: isMember)
        events = ClientEvents(log)
        client = try configuration.makeClient(RD_KAFKA_CONSUMER, events: events)
        if isMember {
            rd_kafka_poll_set_consumer(client.pointer)
            queue = rd_kafka_queue_get_consumer(client.pointer)
        } else {
            queue = rd_kafka_queue_new(client.pointer)
            // Delivers errors and statistics on the same queue as records.
            let main = rd_kafka_queue_get_main(client.pointer)
            rd_kafka_queue_forward(main, queue)
            rd_kafka_queue_destroy(main)
            direct = DirectAssignment()
        }
        self.rebalanceHandler = rebalanceHandler
        self.wakeup.attach(to: queue)
        events.consumer = self
    }

    deinit {
        direct?.stop()
        Wakeup.detach(from: queue)
        rd_kafka_queue_destroy(queue)
        for spare in spares { spare.deallocate() }
    }

    /// Returns the records that are available, at most `maximum`. If there are none, sleeps until something arrives,
    /// the wakeup is signalled or `waiting` has passed, then returns what is available, perhaps nothing.
    ///
    /// Rebalance handlers, errors and statistics are served inside. Call it at least every `max.poll.interval.ms`.
    ///
    /// - Throws: the client's fatal error, if it has one and no records are left; `.destroyed` after `close`.
    package func receive(maximum: Int, waiting: Duration = .zero) throws(KafkaError) -> ConsumedBatch {
        guard phase == .open else {
            throw KafkaError(.destroyed, operation: "receive", message: "the consumer is closed")
        }
        let maximum = max(maximum, 0)
        let messages = takeSpare(capacity: maximum)
        let known = ends.count
        var count = take(into: messages, maximum: maximum)
        if count == 0, ends.count == known, waiting > .zero {
            wakeup.wait(timeout: waiting)
            count = take(into: messages, maximum: maximum)
        }
        if count > 0 { events.brokerAnswered() } else { events.probeIfCutOff(client.pointer) }
        let batch = ConsumedBatch(messages, count: count, consumer: self)
        if count == 0, let fatal = KafkaError.fatal(of: client.pointer) { throw fatal }
        return batch
    }

    /// The partitions whose end `receive` reached since the last call: all records before it that are visible to this
    /// consumer have been received. Needs the property `enable.partition.eof`. Comparing offsets is not enough, as the
    /// last offset may be a transaction marker rather than a record.
    package func takeEnds() -> Set<TopicPartition> {
        defer { ends = [] }
        return ends
    }

    /// The name of a topic that this consumer has numbered.
    package func topicName(_ id: TopicID) -> String { topics.names[id.index] }

    func topicID(of handle: OpaquePointer) -> TopicID { topics.id(of: handle) }

    /// The number of a topic by its name, even before one of its records arrives.
    package func topicID(named name: String) -> TopicID { topics.id(of: name) }

    func assignmentHasChanged() {
        assignmentChanges += 1
        topics.forgetHandles()
    }

    // MARK: - Messages

    private func take(into messages: MessagePointers, maximum: Int) -> Int {
        let changes = assignmentChanges
        let taken = rd_kafka_consume_batch_queue(queue, 0, messages.baseAddress, maximum)
        guard taken > 0 else { return 0 }
        // The queue signals only when it becomes non-empty, and a full batch may leave records in it.
        if taken == maximum { wakeup.signal() }
        // Records of a partition revoked during the same call belong to its next owner.
        let owned = changes == assignmentChanges ? nil : Set(assignment)
        var kept = 0
        for index in 0..<taken {
            guard let message = messages[index] else { continue }
            if message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR, owned?.contains(message.pointee.identity) ?? true {
                messages[kept] = message
                kept += 1
            } else {
                reportError(of: message)
                rd_kafka_message_destroy(message)
            }
        }
        return kept
    }

    private func reportError(of message: UnsafeMutablePointer<rd_kafka_message_t>) {
        let code = KafkaErrorCode(message.pointee.err)
        guard code.rawValue != 0 else { return }
        guard code.native != RD_KAFKA_RESP_ERR__PARTITION_EOF else {
            ends.insert(message.pointee.identity)
            return
        }
        if code == .fatal, let fatal = KafkaError.fatal(of: client.pointer) { return events.failed(fatal) }
        let text = rd_kafka_message_errstr(message).map { String(cString: $0) } ?? code.description
        events.failed(KafkaError(code, operation: "receive", message: text))
    }

    private func takeSpare(capacity: Int) -> MessagePointers {
        if let index = spares.lastIndex(where: { $0.count >= capacity }) { return spares.remove(at: index) }
        let messages = MessagePointers.allocate(capacity: capacity)
        messages.initialize(repeating: nil)
        return messages
    }

    func reuse(_ messages: MessagePointers) {
        guard spares.count < 8 else { return messages.deallocate() }
        spares.append(messages)
    }
}

extension rd_kafka_message_t {
    fileprivate var identity: TopicPartition {
        TopicPartition(topic: String(cString: rd_kafka_topic_name(rkt)), partition: partition)
    }
}
