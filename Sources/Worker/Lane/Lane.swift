import Classification
import Kafka
import Logging
import Messages
import Platform
import Telemetry

/// One lane: consume → decode → classify → encode → produce → commit, on one thread that owns everything here.
///
/// The loop (``turn()``) blocks only on ``LaneControl/wakeup``, which both clients signal, and in the few calls that
/// end a transaction or revoke partitions. Values (``Inbox``, ``Outbox``, ``OffsetLedger``, ``TransactionState``,
/// ``DrainState``) make its decisions, so that these can be tested without a broker.
final class Lane {
    let name: LaneName
    let configuration: WorkerConfiguration
    let control: LaneControl
    let metrics: LaneMetrics
    var logger: Logger

    let consumer: Consumer
    let producer: Producer
    /// The request topic's name. Written once, so that its bytes stay valid as long as the lane.
    private let topic = ByteArena(capacity: 256)
    let topics: ReplyTopics
    let replyTopics: [ProducerTopic]
    /// The indexes of the topics whose classifications are Avro.
    let avroTopics: Set<Int>
    let replyHeaders: Set<ReplySettings.Header>
    let deadLetterTopic: ProducerTopic
    private let relay: RebalanceRelay
    private let topicIdentity: TopicIdentity

    private let currentModel: CurrentModel
    private var modelGeneration: UInt64
    let answerer: BatchAnswerer
    let copiedHeaders: CopiedHeaders
    /// The writers' schemas of values in a registry's framing; nil if no registry is asked.
    let writerSchemas: WriterSchemas?
    private let requestFormat: RequestFormat
    let headerWriter = ReplyHeaderWriter(eventSource: "/triage/worker")
    /// For a header value, or for a reply that replaces an undeliverable one. The producer copies it.
    let scratch = ByteArena(capacity: 256)

    var inbox: Inbox
    var outbox: Outbox
    var ledger = OffsetLedger()
    /// Exactly-once lane only.
    var transactions: TransactionState?
    var drain = DrainState()

    var nextCommit = ContinuousClock.now
    private var nextReport = ContinuousClock.now
    /// When to try again to commit the start of a recreated request topic; `nil` once that is done.
    var nextBeginning: ContinuousClock.Instant?
    /// When the lane subscribed.
    private var subscribedAt = ContinuousClock.now
    /// Called when the lane gets its first assignment.
    var onJoined: (() -> Void)?
    /// An error from a callback, where it could not be thrown.
    var failure: WorkerError?
    /// Set once the lane no longer waits for anything.
    private(set) var isEnding = false

    /// Creates the clients; does not subscribe yet.
    ///
    /// - Parameters:
    ///   - topics: the topics of replies.
    ///   - schemaRegistry: where writers' schemas come from; nil if none is asked.
    ///   - replySchemas: the registry's schema id of each topic whose replies are Avro.
    init(
        _ control: LaneControl, configuration: WorkerConfiguration, topics: ReplyTopics, model: CurrentModel,
        schemaRegistry: SchemaRegistry?, replySchemas: [Int: Int32], metrics: LaneMetrics, logger: Logger
    ) throws {
        name = control.name
        self.control = control
        self.configuration = configuration
        self.metrics = metrics
        self.logger = logger
        let settings = configuration.settings(of: name)
        copiedHeaders = configuration.copiedHeaders
        currentModel = model
        modelGeneration = model.generation
        inbox = Inbox(settings: settings)
        self.topics = topics
        writerSchemas = schemaRegistry.map { WriterSchemas(from: $0, wakeup: control.wakeup) }
        requestFormat = configuration.requestFormat
        outbox = Outbox(
            capacity: settings.maximumInFlightBatches, format: requestFormat, schemas: writerSchemas?.table,
            givesUp: name == .interactive)
        avroTopics = Set(replySchemas.keys)
        replyHeaders = configuration.replies.headers
        let classifier = model.take()
        answerer = try BatchAnswerer(
            classifier: classifier, replyTopics: topics, settings: configuration.replies, schemaIDs: replySchemas)
        inbox.prepare(for: classifier.model)
        if name == .bulk, configuration.delivery == .exactlyOnce {
            transactions = TransactionState(bounds: configuration.transactions)
        }
        let log = KafkaLog(
            logger: logger, onCommitFailure: { control.noteCommitFailure() },
            onPositionReset: { metrics.positionReset() })
        producer = try Producer(
            properties: LaneProperties.producer(of: name, in: configuration), wakeup: control.wakeup, log: log)
        relay = RebalanceRelay()
        consumer = try Consumer(
            properties: LaneProperties.consumer(of: name, in: configuration), rebalanceHandler: relay,
            wakeup: control.wakeup, log: log)
        topicIdentity = TopicIdentity(of: configuration.requestTopic(of: name), for: consumer)
        let producer = producer
        replyTopics = try topics.names.map { try producer.topic($0) }
        deadLetterTopic = try producer.topic(configuration.topics.deadLetters)
        relay.lane = self
        Array(configuration.requestTopic(of: name).utf8).withUnsafeBytes { _ = topic.append($0) }
    }

    /// Runs until the stop request or an unrecoverable error.
    func run() throws(WorkerError) {
        do throws(WorkerError) {
            try start()
            while try turn() {}
        } catch {
            end()
            throw error
        }
        end()
    }

    private func start() throws(WorkerError) {
        do throws(KafkaError) {
            if transactions != nil { try producer.initializeTransactions(within: configuration.startTimeout) }
            try consumer.subscribe(to: [configuration.requestTopic(of: name)])
            subscribedAt = .now
        } catch {
            throw WorkerError(error, lane: name)
        }
    }

    /// One turn of the loop. Returns whether there is another.
    private func turn() throws(WorkerError) -> Bool {
        let now = ContinuousClock.now
        control.turned(at: now)
        if control.isStopRequested { drain.stop(at: now, within: configuration.shutdownTimeout * 0.75) }
        var isBusy = takeReports() > 0
        try planUndelivered()
        try checkHealth()
        switch drain.action(at: now, hasUnanswered: hasUnanswered(at: now)) {
        case .run: break
        case .drain: transactions?.end()
        case .close: return false
        case .abandon:
            logger.warning("stopping with batches unanswered; another worker answers them", [.count: "\(outbox.count)"])
            return false
        }
        if transactions == nil { commitIfDue(at: now) } else { try advanceTransaction(at: now) }
        rereadNewTopicIfDue(at: now)
        if try sendOn() { isBusy = true }
        if try receive(at: now) { isBusy = true }
        if now >= nextReport { publishState(at: now) }
        if !isBusy {
            // Without requests too: a lane that keeps an old model keeps its memory.
            updateModel()
            control.wakeup.wait(timeout: idleTime(at: now))
        }
        return true
    }

    /// Whether something received is not yet acknowledged or, in a transaction, not yet committed.
    /// Nothing waits for a schema registry at the end: another worker answers that.
    private func hasUnanswered(at now: ContinuousClock.Instant) -> Bool {
        guard drain.isStopping else { return true }
        let isInHand = hasSchemas(at: now) ? !outbox.isEmpty : outbox.count > inbox.count
        return isInHand || transactions.map { $0.state != .idle } ?? false
    }

    /// How long the lane may sleep if nothing arrives.
    private func idleTime(at now: ContinuousClock.Instant) -> Duration {
        if drain.isStopping { return .milliseconds(20) }
        var due = now + .milliseconds(500)
        if case .open(let since, _) = transactions?.state {
            due = min(due, since + configuration.transactions.maximumAge)
        }
        if transactions == nil, ledger.hasUncommitted { due = min(due, nextCommit) }
        return max(due - now, .milliseconds(1))
    }

    private func checkHealth() throws(WorkerError) {
        if let failure { throw failure }
        if let fatal = producer.fatalError { throw WorkerError(fatal, lane: name) }
    }

    /// Switches to a new model if there is one. Between batches only.
    private func updateModel() {
        let generation = currentModel.generation
        guard generation != modelGeneration else { return }
        modelGeneration = generation
        do {
            let model = currentModel.take()
            try answerer.use(model)
            inbox.prepare(for: model.model)
        } catch {
            logger.error("the new model cannot be used, the old one stays", [.error: "\(error)"])
        }
    }

    private func publishState(at now: ContinuousClock.Instant) {
        nextReport = now + .seconds(2)
        if topicIdentity.hasChanged() { noteNewTopic() }
        if configuration.groupProtocol == .consumer, !control.hasJoined { lookWhetherTakenIn(at: now) }
        metrics.publish(
            lag: Dictionary(consumer.lag().map { ($0.partition.partition, $0.records) }, uniquingKeysWith: max))
        metrics.publish(inFlight: outbox.count, queued: producer.queuedCount, assigned: ledger.ownedCount)
    }

    /// librdkafka does not report a member without partitions, or brokers without the consumer protocol.
    private func lookWhetherTakenIn(at now: ContinuousClock.Instant) {
        if consumer.isInGroup {
            joined()
        } else if now - subscribedAt > configuration.startTimeout {
            failure = WorkerError(
                code: .brokerUnavailable,
                message:
                    "\(name.rawValue) lane: the group \(configuration.groupName(of: name)) has not admitted it for "
                    + "\(configuration.startTimeout.components.seconds) s; \(WorkerError.consumerProtocolNeeds)")
        }
    }

    /// Commits what is answered, leaves the group and closes the lane. After it, nothing of the lane is in flight.
    private func end() {
        let within = max(configuration.shutdownTimeout * 0.25, .milliseconds(100))
        if transactions == nil {
            commitAnswered(synchronously: true, within: within)
        } else if transactions?.state != .idle {
            transactions?.failed()
            try? finishTransaction(until: .now + within)
        }
        isEnding = true
        consumer.close(within: within)
        if producer.queuedCount > 0 {
            producer.purge()
            try? producer.flush(within: .seconds(2))
        }
        if producer.queuedCount > 0 {
            // The producer may still read the reply bytes, so they are leaked: the process ends anyway.
            _ = Unmanaged.passRetained(OutboxKeeper(outbox))
        }
        metrics.clear()
    }

    private final class OutboxKeeper {
        let outbox: Outbox
        init(_ outbox: Outbox) { self.outbox = outbox }
    }

    // MARK: - Receiving and answering

    /// Answers a batch that is waiting; otherwise receives one, if there is room, and answers it. Returns whether there
    /// was one.
    private func receive(at now: ContinuousClock.Instant) throws(WorkerError) -> Bool {
        if mayAnswer(at: now) { return try answerReceived(at: now) }
        let before = outbox.count
        do throws(KafkaError) {
            switch inbox.action(at: now, hasRoom: mayReceive) {
            case .receive:
                try take(maximum: inbox.maximumRecords)
            case .hold:
                return false
            case .pause:
                logger.debug("paused: too much is unacknowledged", [.count: "\(outbox.count)"])
                try consumer.pause(consumer.assignment)
                try take(maximum: 1)
            case .poll:
                try take(maximum: 1)
            case .resume:
                logger.debug("resumed")
                try consumer.resume(consumer.assignment)
                try take(maximum: inbox.maximumRecords)
            }
        } catch {
            throw WorkerError(error, lane: name, groupProtocol: configuration.groupProtocol)
        }
        if let failure { throw failure }
        try rewindIfNeeded()
        return mayAnswer(at: now) ? try answerReceived(at: now) : outbox.count > before
    }

    /// Whether a batch is waiting and nothing has to be finished first.
    private func mayAnswer(at now: ContinuousClock.Instant) -> Bool {
        guard !inbox.isEmpty, outbox.isReady, hasSchemas(at: now) else { return false }
        // Without transactions, what was received of a deleted topic is still answered, but never committed.
        guard let transactions else { return true }
        return !topicIsNew && transactions.takesRecords
    }

    /// Whether another batch could be answered and sent.
    private var mayReceive: Bool {
        outbox.hasRoom && !drain.isStopping && !topicIsNew && transactions?.takesRecords ?? true
    }

    /// Polls the consumer, which also runs the rebalance callbacks.
    private func take(maximum: Int) throws(KafkaError) {
        let records = ReceivedRecords(try consumer.receive(maximum: maximum))
        guard records.batch.count > 0 else { return }
        let batch = outbox.open()
        batch.records = records
        batch.receivedAt = .now
        inbox.add(batch)
    }

    /// Answers the oldest received batch and starts to send it. Returns whether there was one.
    @discardableResult
    func answerReceived(at now: ContinuousClock.Instant) throws(WorkerError) -> Bool {
        guard outbox.isReady, let batch = inbox.next(), let records = batch.records else { return false }
        updateModel()
        if transactions?.add(records: records.batch.count, at: now) == true {
            do throws(KafkaError) { try producer.beginTransaction() } catch { throw WorkerError(error, lane: name) }
        }
        let start = ContinuousClock.now
        read(records, of: batch)
        let decoded = ContinuousClock.now
        answerer.finish(batch, now: { UnixTime.milliseconds })
        let answered = ContinuousClock.now
        metrics.answered(
            count: batch.answers.count - batch.skippedCount,
            failures: batch.failed.lazy.compactMap { batch.answers[$0].plan.failure?.code }, unsure: batch.unsureCount,
            queued: oldestWait(in: batch), decoding: decoded - start, classifying: batch.classifying,
            encoding: answered - decoded - batch.classifying)
        if batch.encoderTime > .zero { metrics.encoded(count: batch.encoderCount, took: batch.encoderTime) }
        outbox.send(batch)
        try sendOn()
        inbox.answered(records: records.batch.count, took: ContinuousClock.now - start)
        return true
    }

    /// Whether the oldest received batch can be decoded: the schemas that it needs are there. Asks for those that are not;
    /// the lane is woken once they have come.
    func hasSchemas(at now: ContinuousClock.Instant) -> Bool {
        guard let writerSchemas, let batch = inbox.first, !batch.hasSchemas, let records = batch.records else {
            return true
        }
        batch.hasSchemas = writerSchemas.prepare(
            records.batch, without: batch.lostPartitions, format: requestFormat, at: now)
        return batch.hasSchemas
    }

    /// One pass over the records of a batch: claims their offsets, decodes them and queues the sentences for the
    /// classifier.
    private func read(_ records: ReceivedRecords, of batch: Batch) {
        answerer.begin()
        var headers = RequestHeaders()
        for index in 0..<records.batch.count {
            let record = records.batch.record(at: index)
            let source = RecordSource(topic: topic.bytes, partition: record.partition, offset: record.offset)
            guard batch.lostPartitions.isEmpty || !batch.lostPartitions.contains(record.partition) else {
                answerer.skip(in: batch, source: source)
                continue
            }
            batch.spans.add(partition: record.partition, offset: record.offset)
            headers.reset()
            record.forEachHeader { headers.add(name: $0, value: $1) }
            answerer.add(
                to: batch, headers: headers, value: record.value, source: source,
                timestamp: record.timestampMilliseconds,
                plan: outbox.plan(partition: record.partition, offset: record.offset))
        }
        ledger.begin(batch.spans, claims: &batch.claims)
    }

    /// Drops the unanswered batches. The ledger records them, so that a rewind goes back to before them.
    func dropReceived() {
        writerSchemas?.giveUp()
        for batch in inbox.removeAll() {
            if let records = batch.records {
                for index in 0..<records.batch.count {
                    let record = records.batch.record(at: index)
                    guard !batch.lostPartitions.contains(record.partition) else { continue }
                    batch.spans.add(partition: record.partition, offset: record.offset)
                }
                ledger.begin(batch.spans, claims: &batch.claims)
            }
            outbox.close(batch)
        }
    }

    /// How long the first request of the batch waited in the topic.
    private func oldestWait(in batch: Batch) -> Duration? {
        guard let written = batch.answers.first?.timestamp, written >= 0 else { return nil }
        return .milliseconds(max(0, UnixTime.milliseconds - written))
    }
}
