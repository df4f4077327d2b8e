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
    private let topics: ReplyTopics
    private let replyTopics: [ProducerTopic]
    /// The indexes of the topics whose classifications are Avro.
    private let avroTopics: Set<Int>
    private let replyHeaders: Set<ReplySettings.Header>
    private let deadLetterTopic: ProducerTopic
    private let relay: RebalanceRelay
    private let topicIdentity: TopicIdentity

    private let currentModel: CurrentModel
    private var modelGeneration: UInt64
    private let answerer: BatchAnswerer
    private let copiedHeaders: CopiedHeaders
    /// The writers' schemas of values in a registry's framing; nil if no registry is asked.
    let writerSchemas: WriterSchemas?
    private let requestFormat: RequestFormat
    private let headerWriter = ReplyHeaderWriter(eventSource: "/triage/worker")
    /// For a header value, or for a reply that replaces an undeliverable one. The producer copies it.
    private let scratch = ByteArena(capacity: 256)

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
        answerer = try BatchAnswerer(
            classifier: model.take(), replyTopics: topics, settings: configuration.replies, schemaIDs: replySchemas)
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
        if !isBusy { control.wakeup.wait(timeout: idleTime(at: now)) }
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
            try answerer.use(currentModel.take())
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

    // MARK: - Sending

    /// Enqueues records until none are left or the producer queue is full. Returns whether it made progress.
    @discardableResult
    func sendOn() throws(WorkerError) -> Bool {
        // An aborting transaction takes nothing more; its requests are read again.
        guard transactions?.isAborting != true else { return false }
        var madeProgress = false
        let now = UnixTime.milliseconds
        while let item = outbox.next() {
            do throws(KafkaError) {
                try send(item.token, now: now)
                outbox.enqueued(item)
            } catch {
                if error.code == .queueFull { return madeProgress }
                if error.isFatal { throw WorkerError(error, lane: name) }
                try follow(outbox.rejected(item, error.code, now: now), item.token, error.code)
            }
            madeProgress = true
        }
        if let (batch, took) = outbox.finishSending() {
            metrics.sent(took: took)
            if batch.isDone { close(batch) }
        }
        return madeProgress
    }

    /// Enqueues a reply or a dead letter.
    private func send(_ token: DeliveryToken, now: Int64) throws(KafkaError) {
        let batch = outbox[token.slot]
        guard let record = batch.records?.batch.record(at: token.record) else { return }
        try batch.withAnswer(token.record) { answer throws(KafkaError) in
            switch token.part {
            case .reply: try sendReply(answer, to: record, of: batch, now: now, token: token)
            case .deadLetter: try sendDeadLetter(record, answer, token: token)
            }
        }
    }

    /// Sends a reply: the echoed headers and the value.
    private func sendReply(
        _ answer: borrowing Answer, to record: ConsumedRecord, of batch: Batch, now: Int64, token: DeliveryToken
    ) throws(KafkaError) {
        let status = answer.plan.failure?.code
        let topic = topics.index(of: answer)
        var headers = RecordHeaders(capacity: 6)
        headerWriter.writeReply(
            echoing: answer.echoed, id: answer.id, isCloudEvent: answer.isCloudEvent, source: answer.source,
            status: status, isAvro: status == nil && !answer.isDirected && avroTopics.contains(topic), now: now
        ) { name, value in headers.append(name: name, value: value) }
        if status == nil, let note = batch.note(of: token.record) { append(note, of: batch, to: &headers) }
        if copiedHeaders != .none {
            record.forEachHeader { name, value in
                if copiedHeaders.contains(name) { headers.append(nameBytes: name, value: value) }
            }
        }
        if name == .interactive { appendTiming(of: answer, in: batch, now: now, to: &headers) }
        var value = batch.arena.bytes(in: answer.value)
        var isCopied = false
        if answer.plan.reply == .small, let failure = answer.plan.failure {
            scratch.reset()
            value = scratch.bytes(in: answerer.encodeSmallError(failure, source: answer.source, into: scratch))
            isCopied = true
        }
        // A requested partition belongs to the requested topic, or to the default one.
        let isElsewhere =
            answer.plan.goesByKey || status == .replyTopicNotAllowed || (!answer.isDirected && topic != 0)
        try producer.send(
            to: replyTopics[topic], partition: isElsewhere ? nil : answer.echoed.replyPartition, key: record.key,
            value: value, headers: &headers, token: token.bits, copying: isCopied)
    }

    /// Sends a request to the dead-letter topic, unchanged except for headers with the reason.
    private func sendDeadLetter(
        _ record: ConsumedRecord, _ answer: borrowing Answer, token: DeliveryToken
    ) throws(KafkaError) {
        guard let failure = answer.plan.failure else { return }
        let isBare = answer.plan.deadLetter == .bare
        var message = failure.message
        var headers = RecordHeaders(capacity: 16)
        if isBare {
            message += " (key, value and headers are left out: the topic takes no larger dead letter)"
        } else {
            headers.copy(of: record)
        }
        headerWriter.writeDeadLetter(
            source: answer.source, group: configuration.groupName(of: name), code: failure.code, message: message
        ) { name, value in headers.append(name: name, value: value) }
        // Copied, although the record outlives it: dead letters are rare, and the producer then owns its memory.
        try producer.send(
            to: deadLetterTopic, key: isBare ? nil : record.key, value: isBare ? nil : record.value, headers: &headers,
            token: token.bits, copying: true)
    }

    /// Adds the headers that repeat what was decided.
    private func append(_ note: Batch.Note, of batch: Batch, to headers: inout RecordHeaders) {
        if replyHeaders.contains(.label) {
            headers.append(name: HeaderName.label, value: batch.arena.bytes(in: note.label))
        }
        if replyHeaders.contains(.confidence) {
            headers.append(name: HeaderName.confidence, value: batch.arena.bytes(in: note.confidence))
        }
    }

    /// Adds the timing header, in milliseconds.
    private func appendTiming(
        of answer: borrowing Answer, in batch: Batch, now: Int64, to headers: inout RecordHeaders
    ) {
        scratch.reset()
        scratch.append(literal: "queue;dur=")
        scratch.append(decimal: answer.timestamp >= 0 ? max(0, now - answer.timestamp) : 0)
        scratch.append(literal: ", classify;dur=")
        let microseconds = batch.classifying.microseconds
        scratch.append(decimal: microseconds / 1_000)
        scratch.append(UInt8(ascii: "."))
        for digit in [microseconds / 100 % 10, microseconds / 10 % 10, microseconds % 10] {
            scratch.append(decimal: digit)
        }
        headers.append(name: HeaderName.timing, value: scratch.bytes)
    }

    // MARK: - Acknowledgements

    /// Processes the pending delivery reports. Returns how many.
    @discardableResult
    func takeReports(waiting: Duration = .zero) -> Int {
        producer.receiveDeliveryReports(waiting: waiting) { token, error, _, _ in report(token, error) }
    }

    func report(_ bits: UInt, _ error: KafkaErrorCode?) {
        if let batch = outbox.reported(DeliveryToken(bits: bits), error) { close(batch) }
    }

    /// Completes the claims of a fully acknowledged batch in the ledger and frees its slot.
    private func close(_ batch: Batch) {
        for claim in batch.claims { ledger.complete(claim) }
        metrics.delivered(took: .now - batch.receivedAt)
        outbox.close(batch)
    }

    /// Plans the undelivered records. Those of an aborting transaction are read again instead.
    func planUndelivered() throws(WorkerError) {
        guard outbox.hasUndelivered, transactions?.isAborting != true else { return }
        let now = UnixTime.milliseconds
        for (token, code) in outbox.takeUndelivered() {
            let outcome = outbox.undelivered(token, code, inTransaction: transactions != nil, now: now)
            transactions?.failed()
            try follow(outcome, token, code)
        }
    }

    /// Acts on the outcome of a failed delivery: something else is planned, or nothing.
    private func follow(
        _ outcome: DeliveryPlan.Outcome, _ token: DeliveryToken, _ code: KafkaErrorCode
    ) throws(WorkerError) {
        metrics.undelivered()
        logger.debug("a \(token.part) was not delivered", [.code: "\(code.name)"])
        guard outcome != .stop else {
            throw WorkerError(
                code: .deadLetterNotWritten,
                message: "\(name.rawValue) lane: a dead letter cannot be written to "
                    + "\(configuration.topics.deadLetters): \(code.description) (\(code.name)). "
                    + "Its request is not committed and comes again.")
        }
        if let batch = outbox.acknowledge(token) { close(batch) }
    }
}
