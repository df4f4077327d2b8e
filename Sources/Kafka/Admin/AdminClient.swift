import CRdKafka

/// Creates, describes and deletes topics. Every call blocks until the cluster answers: keep it off an event loop.
///
/// Safe to use from any thread, one call at a time per thread.
package struct AdminClient: Sendable {
    private let client: NativeClient
    private let events: ClientEvents
    private let servers: String

    /// Creates a client. It does not connect before the first call.
    package init(properties: KafkaProperties, log: KafkaLog) throws(KafkaError) {
        let configuration = try NativeConfiguration(properties)
        // Background errors are reported by the calls.
        rd_kafka_conf_set_error_cb(configuration.pointer) { client, code, text, _ in
            let code = KafkaErrorCode(rawValue: code)
            guard code != .allBrokersDown else { return }
            let message = text.map { String(cString: $0) }
            ClientEvents.of(client)?.note(KafkaError(code, operation: "connect", message: message))
        }
        events = ClientEvents(log)
        servers = properties["bootstrap.servers"] ?? "no address"
        client = try configuration.makeClient(RD_KAFKA_PRODUCER, events: events)
    }

    /// Creates missing topics and leaves existing ones unchanged. Results are in the order of the specifications.
    ///
    /// - Throws: when no broker answers within `within`. Errors of a single topic are in its result.
    package func createTopics(
        _ topics: [TopicSpecification], within: Duration = .seconds(15)
    ) throws(KafkaError) -> [(name: String, result: TopicCreation)] {
        guard !topics.isEmpty else { return [] }
        var natives: [OpaquePointer?] = []
        defer { for native in natives { rd_kafka_NewTopic_destroy(native) } }
        for topic in topics {
            var text = [CChar](repeating: 0, count: 512)
            let native = rd_kafka_NewTopic_new(
                topic.name, Int32(clamping: topic.partitions), Int32(clamping: topic.replicationFactor), &text,
                text.count)
            guard let native else {
                throw KafkaError(.invalidArgument, operation: "create topic \(topic.name)", message: String(text))
            }
            natives.append(native)
            for (name, value) in topic.configuration.sorted(by: { $0.key < $1.key }) {
                try KafkaError.check(
                    rd_kafka_NewTopic_set_config(native, name, value), "create topic \(topic.name)")
            }
        }
        let count = natives.count
        let event = try perform(RD_KAFKA_ADMIN_OP_CREATETOPICS, "create topics", within: within) { options, queue in
            rd_kafka_CreateTopics(client.pointer, &natives, count, options, queue)
        }
        defer { rd_kafka_event_destroy(event) }
        var answered = 0
        let answers = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &answered)
        let results = Self.results(answers, count: answered, operation: "create topic")
        return topics.map { topic in
            switch results[topic.name] {
            case .some(.none): (topic.name, .created)
            case .some(.some(let error)) where error.code == .topicAlreadyExists: (topic.name, .existed)
            case .some(.some(let error)): (topic.name, .failed(error))
            case .none: (topic.name, .failed(KafkaError(.unknownTopic, operation: "create topic \(topic.name)")))
            }
        }
    }

    /// Raises a topic's partition count to `count`. Triage itself never does this; its tests do, as an operator would.
    package func addPartitions(
        to topic: String, upTo count: Int, within: Duration = .seconds(15)
    ) throws(KafkaError) {
        var text = [CChar](repeating: 0, count: 512)
        var request = rd_kafka_NewPartitions_new(topic, count, &text, text.count)
        guard request != nil else {
            throw KafkaError(.invalidArgument, operation: "add partitions to \(topic)", message: String(text))
        }
        defer { rd_kafka_NewPartitions_destroy(request) }
        let event = try perform(RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, "add partitions", within: within) {
            options, queue in
            rd_kafka_CreatePartitions(client.pointer, &request, 1, options, queue)
        }
        defer { rd_kafka_event_destroy(event) }
        var answered = 0
        let answers = rd_kafka_CreatePartitions_result_topics(
            rd_kafka_event_CreatePartitions_result(event), &answered)
        for case let error? in Self.results(answers, count: answered, operation: "add partitions to").values {
            throw error
        }
    }

    /// Deletes topics with all their records. A missing topic is not an error.
    package func deleteTopics(_ names: [String], within: Duration = .seconds(15)) throws(KafkaError) {
        guard !names.isEmpty else { return }
        var natives = names.map { rd_kafka_DeleteTopic_new($0) }
        defer { for native in natives { rd_kafka_DeleteTopic_destroy(native) } }
        let count = natives.count
        let event = try perform(RD_KAFKA_ADMIN_OP_DELETETOPICS, "delete topics", within: within) { options, queue in
            rd_kafka_DeleteTopics(client.pointer, &natives, count, options, queue)
        }
        defer { rd_kafka_event_destroy(event) }
        var answered = 0
        let answers = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &answered)
        for case let error? in Self.results(answers, count: answered, operation: "delete topic").values
        where error.code != .unknownTopicOrPartition {
            throw error
        }
    }

    /// Requests metadata for the brokers and every topic. Creates no topics.
    package func metadata(within: Duration = .seconds(10)) throws(KafkaError) -> ClusterMetadata {
        var answer: UnsafePointer<rd_kafka_metadata>?
        // Report a refusal early; librdkafka alone would retry until the timeout.
        let patience = min(within, .seconds(1))
        if let error = askForMetadata(&answer, within: patience) {
            guard !error.code.isRefusal, within > patience else { throw error }
            if let error = askForMetadata(&answer, within: within - patience) { throw error }
        }
        events.note(nil)
        guard let answer else { return ClusterMetadata(brokers: [], topics: [:]) }
        defer { rd_kafka_metadata_destroy(answer) }
        let brokers = UnsafeBufferPointer(start: answer.pointee.brokers, count: Int(answer.pointee.broker_cnt))
        let topics = UnsafeBufferPointer(start: answer.pointee.topics, count: Int(answer.pointee.topic_cnt))
        let existing = topics.filter { $0.err == RD_KAFKA_RESP_ERR_NO_ERROR }
        return ClusterMetadata(
            brokers: brokers.map { "\(String(cString: $0.host)):\($0.port)" },
            topics: Dictionary(
                existing.map { (String(cString: $0.topic), Int($0.partition_cnt)) }, uniquingKeysWith: { $1 }))
    }

    /// Asks once; returns the error if there is no answer.
    private func askForMetadata(
        _ answer: inout UnsafePointer<rd_kafka_metadata>?, within: Duration
    ) -> KafkaError? {
        let code = KafkaErrorCode(rd_kafka_metadata(client.pointer, 1, nil, &answer, within.nativeMilliseconds))
        return code.rawValue == 0 ? nil : explain(KafkaError(code, operation: "read the cluster's metadata"))
    }

    /// The partition count of each of these topics that exists.
    package func partitions(
        of topics: [String], within: Duration = .seconds(10)
    ) throws(KafkaError) -> [String: Int] {
        try metadata(within: within).topics.filter { topics.contains($0.key) }
    }

    /// A group's committed and end offsets in each partition of a topic; nil if the topic does not exist. Asks the
    /// group coordinator and the partition leaders. Does not join the group and needs no running member.
    package func lag(
        of group: String, in topic: String, within: Duration = .seconds(10)
    ) throws(KafkaError) -> [GroupLag]? {
        let deadline = ContinuousClock.now + within
        func rest() -> Duration { max(deadline - .now, .milliseconds(1)) }
        // Request all topics: many brokers auto-create a topic that is requested by name.
        guard let count = try partitions(of: [topic], within: rest())[topic] else { return nil }
        let partitions = (0..<Int32(count)).map { TopicPartition(topic: topic, partition: $0) }
        let committed = try committedOffsets(of: group, in: partitions, within: rest())
        return try partitions.map { partition throws(KafkaError) in
            do throws(KafkaError) {
                let (low, high) = try client.queryWatermarks(of: partition, within: rest())
                return GroupLag(partition: partition, committed: committed[partition], low: low, high: high)
            } catch {
                throw explain(error)
            }
        }
    }

    /// A group's committed offsets; partitions without one are absent.
    private func committedOffsets(
        of group: String, in partitions: [TopicPartition], within: Duration
    ) throws(KafkaError) -> [TopicPartition: Int64] {
        let operation = "read the offsets of the group \(group)"
        let list = TopicPartitionList(partitions)
        var request = rd_kafka_ListConsumerGroupOffsets_new(group, list.pointer)
        defer { rd_kafka_ListConsumerGroupOffsets_destroy(request) }
        let event = try perform(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, operation, within: within) {
            options, queue in
            rd_kafka_ListConsumerGroupOffsets(client.pointer, &request, 1, options, queue)
        }
        defer { rd_kafka_event_destroy(event) }
        var count = 0
        let groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
            rd_kafka_event_ListConsumerGroupOffsets_result(event), &count)
        guard count > 0, let result = groups?[0] else { return [:] }
        if let error = rd_kafka_group_result_error(result) {
            throw KafkaError(
                KafkaErrorCode(rd_kafka_error_code(error)), operation: operation,
                message: String(cString: rd_kafka_error_string(error)))
        }
        guard let answered = rd_kafka_group_result_partitions(result) else { return [:] }
        var offsets: [TopicPartition: Int64] = [:]
        for element in answered.pointee.buffer where element.offset >= 0 {
            try KafkaError.check(element.err, operation)
            offsets[element.identity] = element.offset
        }
        return offsets
    }

    /// Whether the partition's leader answers, or any broker if `partition` is nil.
    func isAnswered(by partition: TopicPartition?, within: Duration) -> Bool {
        // Discard queued connection events, which would pile up.
        defer { rd_kafka_poll(client.pointer, 0) }
        guard let partition else { return ClientEvents.answers(client.pointer, within: within.nativeMilliseconds) }
        return (try? client.queryWatermarks(of: partition, within: within)) != nil
    }

    /// Adds the reason why there is no connection.
    private func explain(_ error: KafkaError) -> KafkaError {
        rd_kafka_poll(client.pointer, 0)
        return events.explain(error, silent: "\(servers) does not answer")
    }

    private func perform(
        _ kind: rd_kafka_admin_op_t, _ operation: String, within: Duration,
        _ request: (_ options: OpaquePointer?, _ queue: OpaquePointer?) -> Void
    ) throws(KafkaError) -> OpaquePointer {
        let options = rd_kafka_AdminOptions_new(client.pointer, kind)
        defer { rd_kafka_AdminOptions_destroy(options) }
        rd_kafka_AdminOptions_set_request_timeout(options, within.nativeMilliseconds, nil, 0)
        // Brokers answer once all of them know the topic.
        rd_kafka_AdminOptions_set_operation_timeout(options, within.nativeMilliseconds, nil, 0)
        let queue = rd_kafka_queue_new(client.pointer)
        defer { rd_kafka_queue_destroy(queue) }
        request(options, queue)
        guard let event = rd_kafka_queue_poll(queue, (within + .seconds(1)).nativeMilliseconds) else {
            throw explain(KafkaError(.timedOut, operation: operation, isRetriable: true))
        }
        let code = rd_kafka_event_error(event)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            let text = rd_kafka_event_error_string(event).map { String(cString: $0) }
            rd_kafka_event_destroy(event)
            throw explain(KafkaError(KafkaErrorCode(code), operation: operation, message: text))
        }
        return event
    }

    private static func results(
        _ answers: UnsafeMutablePointer<OpaquePointer?>?, count: Int, operation: String
    ) -> [String: KafkaError?] {
        var results: [String: KafkaError?] = [:]
        for answer in UnsafeBufferPointer(start: answers, count: count) {
            guard let answer, let pointer = rd_kafka_topic_result_name(answer) else { continue }
            let name = String(cString: pointer)
            let code = KafkaErrorCode(rd_kafka_topic_result_error(answer))
            let text = rd_kafka_topic_result_error_string(answer).map { String(cString: $0) }
            let error = code.rawValue == 0 ? nil : KafkaError(code, operation: "\(operation) \(name)", message: text)
            results.updateValue(error, forKey: name)
        }
        return results
    }
}

/// A topic to create.
package struct TopicSpecification: Hashable, Sendable {
    /// The topic's name.
    package var name: String
    /// The number of partitions.
    package var partitions: Int
    /// The number of replicas of each partition; -1 is the cluster's default.
    package var replicationFactor: Int
    /// The topic's configuration, such as `retention.ms`.
    package var configuration: [String: String]

    /// Specifies a topic.
    package init(name: String, partitions: Int, replicationFactor: Int = -1, configuration: [String: String] = [:]) {
        self.name = name
        self.partitions = partitions
        self.replicationFactor = replicationFactor
        self.configuration = configuration
    }
}

/// The result of creating a topic.
package enum TopicCreation: Hashable, Sendable {
    /// The topic was created.
    case created
    /// The topic already existed, and was not changed.
    case existed
    /// The topic was not created.
    case failed(KafkaError)
}

/// A cluster as described by one of its brokers.
package struct ClusterMetadata: Hashable, Sendable {
    /// The brokers' addresses, `HOST:PORT`.
    package let brokers: [String]
    /// The partition count of each topic that exists and is visible to this user.
    package let topics: [String: Int]
}
