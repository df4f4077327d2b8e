import CRdKafka
import Synchronization

/// Sends records and reports their delivery.
///
/// `send` may be called from any thread; delivery reports and transactions belong to one thread. Every enqueued record
/// gets exactly one report. A value sent without copying must stay valid until its report. Do not release a producer
/// with such values before `queuedCount` is 0.
///
/// ```swift
/// let producer = try Producer(properties: ["bootstrap.servers": "127.0.0.1:9092"], log: KafkaLog(logger: logger))
/// let topic = try producer.topic("sentences")
/// try text.withUnsafeBytes { try producer.send(to: topic, key: nil, value: $0, token: 1, copying: true) }
/// try producer.flush(within: .seconds(5)) { token, error, partition, offset in … }
/// ```
package final class Producer: @unchecked Sendable {
    // Unchecked: librdkafka's queue is thread-safe; the rest is Sendable.
    let client: NativeClient
    private let events: ClientEvents
    private let queue: OpaquePointer
    let wakeup: Wakeup
    private let topics = Mutex<[String: ProducerTopic]>([:])

    /// Creates a producer, which starts connecting in the background at once.
    ///
    /// - Parameters:
    ///   - properties: librdkafka's. `delivery.report.only.error` is refused: every record must be reported.
    ///   - wakeup: signalled when reports or errors arrive; share it to serve several clients from one thread.
    ///   - log: where log lines and errors go.
    /// - Throws: an error that names the property if one is unknown or invalid.
    package init(
        properties: KafkaProperties, wakeup: Wakeup? = nil, log: KafkaLog
    ) throws(KafkaError) {
        guard properties["delivery.report.only.error"].map({ $0 == "false" }) ?? true else {
            throw KafkaError(
                .invalidArgument, operation: "configure",
                message: "the Kafka property \"delivery.report.only.error\" must stay false")
        }
        self.wakeup = if let wakeup { wakeup } else { try Wakeup() }
        let configuration = try NativeConfiguration(properties)
        var kinds = RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR
        if log.onStatistics != nil { kinds |= RD_KAFKA_EVENT_STATS }
        rd_kafka_conf_set_events(configuration.pointer, kinds)
        events = ClientEvents(log)
        client = try configuration.makeClient(RD_KAFKA_PRODUCER, events: events)
        queue = rd_kafka_queue_get_main(client.pointer)
        self.wakeup.attach(to: queue)
    }

    deinit {
        Wakeup.detach(from: queue)
        rd_kafka_queue_destroy(queue)
    }

    /// Returns a topic's handle, created once. The topic need not exist yet. Any thread.
    ///
    /// - Parameter partitions: chooses the partition of each record sent without one, ignoring its key. Needs
    ///   `sticky.partitioning.linger.ms` to be 0, and applies only on the first call for the topic.
    package func topic(
        _ name: String, spreadingOver partitions: SettledPartitions? = nil
    ) throws(KafkaError) -> ProducerTopic {
        let known: Result<ProducerTopic, KafkaError> = topics.withLock { topics in
            if let topic = topics[name] { return .success(topic) }
            var configuration: OpaquePointer?
            if let partitions {
                configuration = rd_kafka_default_topic_conf_dup(client.pointer)
                configuration.map { partitions.install(in: $0) }
                client.keep(partitions)
            }
            // Takes ownership of the configuration.
            guard let pointer = rd_kafka_topic_new(client.pointer, name, configuration) else {
                return .failure(KafkaError(KafkaErrorCode(rd_kafka_last_error()), operation: "open topic \(name)"))
            }
            let topic = ProducerTopic(name: name, pointer: pointer, client: client)
            topics[name] = topic
            return .success(topic)
        }
        return try known.get()
    }

    /// Waits until a partition's leader answers over this producer's own connection, so that the next record does not
    /// wait for the connection. Any thread; blocks at most `within`.
    package func awaitLeader(of partition: TopicPartition, within: Duration) throws(KafkaError) {
        _ = try client.queryWatermarks(of: partition, within: within)
    }

    /// Enqueues a record without headers, see `send(to:partition:key:value:headers:token:copying:)`.
    package func send(
        to topic: ProducerTopic, partition: Int32? = nil, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?,
        token: UInt, copying: Bool = false
    ) throws(KafkaError) {
        try send(topic, partition, key, value, headers: nil, token, copying)
    }

    /// Enqueues a record and returns; its delivery report follows. Any thread.
    ///
    /// - Parameters:
    ///   - topic: the topic to send to.
    ///   - partition: nil lets the partitioner choose: by key, or at random without one.
    ///   - key: copied; nil is a null key.
    ///   - value: nil is a null value. Unless `copying`, the bytes must not change until the delivery report.
    ///   - headers: consumed and left empty; unchanged when this throws.
    ///   - token: returned with the delivery report.
    ///   - copying: copies the value, so that its bytes may be freed when this returns.
    /// - Throws: `.queueFull` means backpressure: receive delivery reports, then retry. `.messageSizeTooLarge` and
    ///   `.unknownPartition` concern this record alone. The record was not enqueued and gets no report.
    package func send(
        to topic: ProducerTopic, partition: Int32? = nil, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?,
        headers: inout RecordHeaders, token: UInt, copying: Bool = false
    ) throws(KafkaError) {
        try send(topic, partition, key, value, headers: headers.pointer, token, copying)
        headers.release()
    }

    private func send(
        _ topic: ProducerTopic, _ partition: Int32?, _ key: UnsafeRawBufferPointer?, _ value: UnsafeRawBufferPointer?,
        headers: OpaquePointer?, _ token: UInt, _ copying: Bool
    ) throws(KafkaError) {
        let code = triage_produce(
            client.pointer, topic.pointer, partition ?? RD_KAFKA_PARTITION_UA, copying ? RD_KAFKA_MSG_F_COPY : 0,
            key.nonNullStart, key?.count ?? 0, value.nonNullStart, value?.count ?? 0,
            headers, UnsafeMutableRawPointer(bitPattern: token))
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
        if code == RD_KAFKA_RESP_ERR__FATAL, let fatalError { throw fatalError }
        throw KafkaError(
            KafkaErrorCode(code), operation: "send", isRetriable: code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
    }

    /// Receives the available delivery reports. If there are none, sleeps until something arrives, the wakeup is
    /// signalled or `waiting` has passed, then receives what is available. Errors and statistics are served inside.
    ///
    /// - Parameters:
    ///   - waiting: the longest time to sleep.
    ///   - body: called for each report, in the order of acknowledgement within each partition: the token, the error or
    ///     nil, the partition and the record's offset (negative if unknown).
    /// - Returns: the number of reports.
    @discardableResult
    package func receiveDeliveryReports(waiting: Duration = .zero, _ body: DeliveryReportHandler) -> Int {
        var count = takeReports(body)
        if count == 0, waiting > .zero {
            wakeup.wait(timeout: waiting)
            count = takeReports(body)
        }
        if count == 0 { events.probeIfCutOff(client.pointer) }
        return count
    }

    private func takeReports(_ body: DeliveryReportHandler) -> Int {
        var count = 0
        while let event = rd_kafka_queue_poll(queue, 0) {
            switch rd_kafka_event_type(event) {
            case RD_KAFKA_EVENT_DR:
                var isDelivered = false
                while let message = rd_kafka_event_message_next(event) {
                    let code = KafkaErrorCode(message.pointee.err)
                    isDelivered = isDelivered || code.rawValue == 0
                    body(
                        UInt(bitPattern: message.pointee._private), code.rawValue == 0 ? nil : code,
                        message.pointee.partition, message.pointee.offset)
                    count += 1
                }
                if isDelivered { events.brokerAnswered() }
            case RD_KAFKA_EVENT_ERROR:
                report(event)
            case RD_KAFKA_EVENT_STATS:
                if let json = rd_kafka_event_stats(event) {
                    events.statistics(UnsafeRawBufferPointer(UnsafeBufferPointer(start: json, count: length(of: json))))
                }
            default:
                break
            }
            rd_kafka_event_destroy(event)
        }
        return count
    }

    private func length(of text: UnsafePointer<CChar>) -> Int {
        var length = 0
        while text[length] != 0 { length += 1 }
        return length
    }

    private func report(_ event: OpaquePointer) {
        let code = KafkaErrorCode(rd_kafka_event_error(event))
        if code == .fatal, let fatalError { return events.failed(fatalError) }
        let text = rd_kafka_event_error_string(event).map { String(cString: $0) }
        events.connectionFailed(KafkaError(code, operation: "connect", message: text), of: client.pointer)
    }

    /// Waits until every record is reported, ignoring `linger.ms`, and passes the reports to `body`.
    ///
    /// - Throws: `.timedOut` if some records are still unacknowledged after `within`; they stay queued.
    package func flush(within: Duration, _ body: DeliveryReportHandler = { _, _, _, _ in }) throws(KafkaError) {
        let deadline = ContinuousClock.now + within
        while true {
            receiveDeliveryReports(body)
            guard queuedCount > 0 else { return }
            let remaining = ContinuousClock.now.duration(to: deadline)
            guard remaining > .zero else {
                throw KafkaError(
                    .timedOut, operation: "flush", message: "not all records are acknowledged yet",
                    isRetriable: true)
            }
            // Makes the library send lingering records. It cannot wait for reports, since this thread receives them.
            rd_kafka_flush(client.pointer, 1)
            receiveDeliveryReports(waiting: min(remaining, .milliseconds(10)), body)
        }
    }

    /// The number of unreported records, plus reports and errors not yet received. Any thread.
    package var queuedCount: Int { Int(rd_kafka_outq_len(client.pointer)) }

    /// The fatal error, if there was one: create a new producer. Any thread.
    package var fatalError: KafkaError? { KafkaError.fatal(of: client.pointer) }

    /// Drops every queued or in-flight record; their reports say `.purgedInQueue` or `.purgedInFlight`. Any thread.
    package func purge() {
        rd_kafka_purge(client.pointer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
    }
}

/// Receives a delivery report: the token, the error or nil, and the record's partition and offset.
package typealias DeliveryReportHandler = (
    _ token: UInt, _ error: KafkaErrorCode?, _ partition: Int32, _ offset: Int64
) -> Void

/// One producer's handle for a topic. Share it freely; it keeps the producer's client alive.
package final class ProducerTopic: @unchecked Sendable {  // librdkafka's topic handles are thread-safe.
    /// The topic's name.
    package let name: String
    let pointer: OpaquePointer
    private let client: NativeClient

    init(name: String, pointer: OpaquePointer, client: NativeClient) {
        self.name = name
        self.pointer = pointer
        self.client = client
    }

    deinit { rd_kafka_topic_destroy(pointer) }
}

extension Producer {
    /// Enqueues a copy of a record. While the producer's queue is full, calls `whenFull`, which waits or serves
    /// delivery reports, then retries.
    /// - Throws: `KafkaError` for anything else.
    package func send(
        to topic: ProducerTopic, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?,
        headers: inout RecordHeaders, token: UInt, whenFull: () -> Void
    ) throws(KafkaError) {
        while let refusal = attempt(to: topic, key: key, value: value, headers: &headers, token: token) {
            guard refusal.code == .queueFull else { throw refusal }
            whenFull()
        }
    }

    private func attempt(
        to topic: ProducerTopic, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?,
        headers: inout RecordHeaders, token: UInt
    ) -> KafkaError? {
        do throws(KafkaError) {
            try send(to: topic, key: key, value: value, headers: &headers, token: token, copying: true)
            return nil
        } catch {
            return error
        }
    }
}
