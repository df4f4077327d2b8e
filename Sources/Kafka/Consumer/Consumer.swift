import CRdKafka

/// Reads records in batches, as a member of a group (`subscribe`) or for itself (`assign`).
///
/// Owned by one thread at a time: create it anywhere, then call it from one thread only, or from another once that one is done
/// with it. Every call that is not said to wait returns at once. End it with `close`; its memory goes when the last batch has
/// gone.
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
/// Offsets move only by `storeOffsets` and `commit`: `enable.auto.offset.store` is always off. Unless given,
/// `enable.auto.commit` is off and, with the classic group protocol, `partition.assignment.strategy` is
/// `cooperative-sticky`.
package final class Consumer {
    let client: NativeClient
    let events: ClientEvents
    /// Where records, rebalances and errors arrive.
    let queue: OpaquePointer
    private let wakeup: Wakeup
    weak var rebalanceHandler: (any RebalanceHandler)?
    /// Nil for a member of a group; the partitions read by a consumer without one.
    var direct: DirectAssignment?

    /// Whether it has to be made to leave its group: a member that is not to keep its place, having no
    /// `group.instance.id`. With the consumer protocol librdkafka sees to that itself, whatever is assigned.
    let leavesGroup: Bool

    var phase = Phase.open
    private var topics = TopicNames()
    /// Partitions whose end was met, until somebody asks. At most as many as there are partitions.
    private var ends: Set<TopicPartition> = []
    private var spares: [MessagePointers] = []
    /// Counts changes of the assignment, so that `receive` sees one that happened inside of it.
    private(set) var assignmentChanges = 0

    /// Where its life has got to.
    enum Phase {
        case open
        /// The next call of librdkafka's about partitions is the last that counts.
        case closing
        /// The handler has been told of everything that goes.
        case hasGivenUp
        case closed
    }

    /// Makes a consumer; nothing is connected before the first `subscribe` or `assign`.
    ///
    /// - Parameters:
    ///   - properties: librdkafka's. Without a `group.id` it can only `assign`, and needs no rights on any group.
    ///   - rebalanceHandler: told of partitions that come and go; not retained.
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
            // Errors and statistics then come where the records do.
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

    /// Takes the records that are there, at most `maximum`; if there are none, sleeps until something arrives, the wakeup is
    /// signalled or `waiting` has passed, and takes what is there then, perhaps nothing.
    ///
    /// Rebalance handlers, errors and statistics are served inside. Call it at least every `max.poll.interval.ms`.
    ///
    /// - Throws: a fatal error, once the client has met one; `.destroyed` after `close`.
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

    /// The partitions whose end `receive` has met since this was last asked: all records before it, as far as this
    /// consumer may see them, have been received. Needs the property `enable.partition.eof`; an offset does not tell
    /// as much, since what lies last may be no record but the end of a transaction.
    package func takeEnds() -> Set<TopicPartition> {
        defer { ends = [] }
        return ends
    }

    /// The name of a topic that a record of this consumer carried.
    package func topicName(_ id: TopicID) -> String { topics.names[id.index] }

    func topicID(of handle: OpaquePointer) -> TopicID { topics.id(of: handle) }

    /// The number of a topic by its name, before any record of it has come.
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
        // The queue signals only when it turns from empty to not empty; a full batch may have left some in it.
        if taken == maximum { wakeup.signal() }
        // Records taken in the same call before their partition was revoked belong to its next owner.
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
