import Classification
import Kafka
import Logging
import Messages
import Telemetry

/// One lane: consume → decode → classify → encode → produce → commit, on one thread at a time that owns everything here.
///
/// The loop (``turn()``) never blocks but on ``LaneControl/wakeup``, which both clients signal, and in the few calls that
/// end a transaction or an ownership. What it does in a turn is decided by values (``DrainState``, ``FlowState``,
/// ``TransactionState``, ``OffsetLedger``, ``DeliveryPlan``), so that the decisions are tested without a broker.
final class Lane {
    let name: LaneName
    let configuration: WorkerConfiguration
    let settings: LaneSettings
    let control: LaneControl
    let currentModel: CurrentModel
    let metrics: LaneMetrics
    var logger: Logger

    let consumer: Consumer
    let producer: Producer
    /// The name of the topic of requests. Written once, so that its bytes stay where they are as long as the lane.
    let topic = ByteArena(capacity: 256)
    let replyTopics: [ProducerTopic]
    let deadLetterTopic: ProducerTopic
    private let relay: RebalanceRelay

    let answerer: BatchAnswerer
    let headerWriter = ReplyHeaderWriter(eventSource: "/triage/worker")
    /// For the values of headers.
    let scratch = ByteArena(capacity: 256)
    /// For values that replace what could not be delivered. Sent by copy.
    let smallReplies = ByteArena(capacity: 256)
    private var modelGeneration: UInt64

    var ledger = OffsetLedger()
    var window: BatchWindow
    var limit: BatchLimit
    var flow: FlowState
    var drain = DrainState()
    /// Only in the exactly-once lane.
    var transactions: TransactionState?

    /// Batches that were received and not answered yet, oldest first; one at most but in a rebalance.
    var received: [Batch] = []
    /// The batch being sent, and how far that is.
    var sending: SendingState?
    /// What could not be delivered and is to be sent in another way.
    var resends: [DeliveryToken] = []
    /// Reports of failure, to be looked at outside of the call that brought them.
    var undelivered: [(token: DeliveryToken, code: KafkaErrorCode)] = []
    /// Records handed to the producer and not reported yet.
    var outstanding = 0
    /// A record is on its way that must be the only one.
    var isExclusive = false
    /// How to send what could not be delivered, for when it is read again after an aborted transaction.
    var plans: [RecordPlace: DeliveryPlan] = [:]
    /// Called when the lane is given its first share of the partitions.
    var onJoined: (() -> Void)?
    /// What went wrong where it could not be thrown, in a callback.
    var failure: WorkerError?
    /// What the commit that is under way commits.
    var committing: [OffsetLedger.Position] = []
    /// When the commit or the abort that is under way began.
    var endingSince: ContinuousClock.Instant?
    /// A transaction was aborted and the consumer is not yet back where it began.
    var needsRewind = false

    /// Since the topic of requests was made again and until its start is committed: when to try that next.
    var nextBeginning: ContinuousClock.Instant?
    private let topicIdentity: TopicIdentity

    /// When it asked to join its group.
    private var subscribedAt = ContinuousClock.now
    var nextCommit = ContinuousClock.now
    var nextReport = ContinuousClock.now

    /// How far the batch being sent was handed over.
    struct SendingState {
        let batch: Batch
        var index = 0
        /// The reply of the record at `index` was handed over, its dead letter not yet.
        var replyIsSent = false
        let startedAt = ContinuousClock.now
    }

    struct RecordPlace: Hashable {
        let partition: Int32
        let offset: Int64
    }

    /// Makes the clients; nothing is subscribed yet.
    init(
        _ control: LaneControl, configuration: WorkerConfiguration, model: CurrentModel, metrics: LaneMetrics,
        logger: Logger
    ) throws {
        name = control.name
        self.control = control
        self.configuration = configuration
        self.metrics = metrics
        self.logger = logger
        settings = configuration.settings(of: name)
        currentModel = model
        modelGeneration = model.generation
        window = BatchWindow(capacity: settings.maximumInFlightBatches)
        limit = BatchLimit(maximum: settings.maximumBatchRecords, duration: settings.maximumBatchDuration)
        flow = FlowState(pauseAfter: settings.pauseAfter)
        answerer = try BatchAnswerer(
            classifier: model.take(), replyTopics: ReplyTopics(configuration.replyTopics),
            maximumTextBytes: configuration.maximumTextBytes)
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
        replyTopics = try configuration.replyTopics.map { try producer.topic($0) }
        deadLetterTopic = try producer.topic(configuration.topics.deadLetters)
        relay.lane = self
        Array(configuration.requestTopic(of: name).utf8).withUnsafeBytes { _ = topic.append($0) }
    }

    /// Works until the order to stop, or until it cannot go on.
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

    /// One round of the loop. Returns whether there is another.
    private func turn() throws(WorkerError) -> Bool {
        let now = ContinuousClock.now
        control.turned(at: now)
        if control.isStopRequested { drain.stop(at: now, within: configuration.shutdownTimeout * 0.75) }
        var isBusy = takeReports() > 0
        try settleUndelivered()
        try checkHealth()
        switch drain.action(at: now, hasUnanswered: hasUnanswered) {
        case .run: break
        case .drain: transactions?.end()
        case .close: return false
        case .abandon:
            logger.warning("stopping with batches unanswered; another worker answers them", [.count: "\(window.count)"])
            return false
        }
        if transactions == nil { commitIfDue(at: now) } else { try advanceTransaction(at: now) }
        beginAnewIfDue(at: now)
        if try sendOn() { isBusy = true }
        if try receive(at: now) { isBusy = true }
        if now >= nextReport { publishState(at: now) }
        if !isBusy { control.wakeup.wait(timeout: idleTime(at: now)) }
        return true
    }

    /// Whether something was received and is not both acknowledged and, in a transaction, committed.
    var hasUnanswered: Bool { !window.isEmpty || transactions.map { $0.state != .idle } ?? false }

    /// How long there is nothing to do unless something arrives.
    private func idleTime(at now: ContinuousClock.Instant) -> Duration {
        if drain.isStopping { return .milliseconds(20) }
        var due = now + .milliseconds(500)
        if case .open(let since, _) = transactions?.state {
            due = min(due, since + configuration.transactions.maximumAge)
        }
        if transactions == nil, hasUncommitted { due = min(due, nextCommit) }
        return max(due - now, .milliseconds(1))
    }

    /// Whether ``ledger`` has moved since the last commit; cheaper than asking it.
    var hasUncommitted = false

    private func checkHealth() throws(WorkerError) {
        if let failure { throw failure }
        if let fatal = producer.fatalError { throw WorkerError(fatal, lane: name) }
    }

    /// Takes another model if there is one. Between batches only.
    func updateModel() {
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
        metrics.publish(inFlight: window.count, queued: producer.queuedCount, assigned: ledger.ownedCount)
    }

    /// Of a member without a partition, and of brokers that lack the consumer protocol, librdkafka says nothing.
    private func lookWhetherTakenIn(at now: ContinuousClock.Instant) {
        if consumer.isInGroup {
            joined()
        } else if now - subscribedAt > configuration.startTimeout {
            failure = WorkerError(
                code: .brokerUnavailable,
                message:
                    "\(name.rawValue) lane: the group \(configuration.groupName(of: name)) has not taken it in for "
                    + "\(configuration.startTimeout.components.seconds) s; \(WorkerError.consumerProtocolNeeds)")
        }
    }

    /// Commits what is answered, leaves the group and lets go of everything. After it, nothing of the lane is on its way.
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
            // The producer may still read the replies' bytes, so they are never given back: the process ends anyway.
            _ = Unmanaged.passRetained(WindowKeeper(window))
        }
        metrics.clear()
    }

    /// Set once nothing is to be waited for any more.
    private(set) var isEnding = false

    private final class WindowKeeper {
        let window: BatchWindow
        init(_ window: BatchWindow) { self.window = window }
    }
}

extension WorkerError {
    fileprivate static let consumerProtocolNeeds =
        "--group-protocol consumer takes Apache Kafka 4.0 or newer, with its feature group.version at 1 "
        + "(kafka-features.sh); with other brokers leave it out"

    init(_ error: KafkaError, lane: LaneName, groupProtocol: WorkerConfiguration.GroupProtocol = .classic) {
        let code: Code =
            switch error.code {
            case .fencedInstance, .fenced, .producerFenced, .unreleasedInstance: .replacedByAnother
            case let code where code.isAboutConnection || code == .timedOut: .brokerUnavailable
            case .groupNotFound: .brokerUnavailable
            case .unknownTopic, .unknownTopicOrPartition: .topicMissing
            default: .clientFailed
            }
        let explanation =
            switch error.code {
            case .unreleasedInstance:
                "another worker has this --instance-id, or had it and died: with --group-protocol consumer the brokers "
                    + "keep its place until its session is over (group.consumer.session.timeout.ms)"
            case .groupNotFound:
                "the group has workers with --group-protocol classic, beside which Kafka takes none with consumer: "
                    + "stop them all, then start the new ones"
            case .unsupportedVersion where groupProtocol == .consumer,
                .unsupportedFeature where groupProtocol == .consumer:
                Self.consumerProtocolNeeds
            default: "\(error)"
            }
        self.init(code: code, message: "\(lane.rawValue) lane: \(explanation)")
    }
}
