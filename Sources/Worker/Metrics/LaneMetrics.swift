import Messages
import Synchronization
import Telemetry

// All metrics of a worker, with their units. Those of the process itself (CPU, memory) come with Telemetry's
// `ProcessMetrics`. Labels are bounded: `lane` is bulk or interactive, `outcome` is ok or an error code of the contract,
// `stage`, `event`, `result` and `kind` are the words below, `partition` is one of those assigned, `model` is the one in use.
//
// triage_worker_sentences_total{lane,outcome}            requests answered, by outcome
// triage_worker_unsure_total{lane}                       of those with outcome ok: the ones that say that they are unsure
// triage_worker_encoder_sentences_total{lane}            of those with outcome ok: the ones that a model's encoder answered
// triage_worker_encoder_seconds{lane}                    histogram of seconds in the encoder, once per batch that needs it
// triage_worker_batch_sentences{lane}                    histogram: requests in a batch
// triage_worker_stage_seconds{lane,stage}                histogram of seconds, once per batch. queue: wait of its first
//                                                        request in the topic; decode; classify; encode; send: enqueuing;
//                                                        deliver: from receive to the last acknowledgement
// triage_worker_in_flight_batches{lane}                  batches received and not yet acknowledged
// triage_worker_producer_queue_records{lane}             librdkafka's queue depth: records not yet acknowledged
// triage_worker_undelivered_total{lane}                  failed deliveries of replies and dead letters
// triage_worker_consumer_lag_records{lane,partition}     records of an assigned partition not received yet
// triage_worker_assigned_partitions{lane}                partitions assigned
// triage_worker_rebalances_total{lane,event}             event: assigned, revoked, lost
// triage_worker_position_resets_total{lane}              times that a partition's position no longer existed
// triage_worker_commits_total{lane,result}               offset commits or transactions; result: ok, failed, aborted
// triage_worker_topic_recreations_total{lane}            times that the request topic was recreated
// triage_worker_schema_registry_up                       0 while records wait for a schema registry that gives none
// triage_worker_model_info{model,kind}                   1, for the model in use; kind: linear, encoder (which may be a cascade)
// triage_worker_model_loads_total{result}                loads of a model after the first; result: ok, failed

/// The metrics of one lane. Handles are made once and updated at most once per batch.
final class LaneMetrics: Sendable {
    enum RebalanceEvent: String, CaseIterable {
        case assigned, revoked, lost
    }

    private let succeeded: MetricCounter
    private let failed: [ErrorCode: MetricCounter]
    private let batch: MetricHistogram
    private let queue, decode, classify, encode, send, deliver: MetricHistogram
    private let inFlight, queued, assigned: MetricGauge
    private let encoder: MetricHistogram
    private let encoderCount, unsureCount, recreations, undeliveredCount, positionResets: MetricCounter
    private let commits, failedCommits, aborts: MetricCounter
    private let rebalances: [RebalanceEvent: MetricCounter]
    private let lag = Mutex<[Int32: Int64]>([:])

    init(_ lane: LaneName, registry: PrometheusRegistry) {
        let lane = (name: "lane", value: lane.rawValue)
        func counter(_ name: String, help: String, _ label: String, _ value: String) -> MetricCounter {
            registry.counter(name, help: help, labels: [lane, (label, value)])
        }
        func sentences(_ outcome: String) -> MetricCounter {
            counter("triage_worker_sentences_total", help: "Requests answered, by outcome.", "outcome", outcome)
        }
        func commit(_ result: String) -> MetricCounter {
            counter(
                "triage_worker_commits_total", help: "Offset commits, or transactions, by result.", "result", result)
        }
        func stage(_ name: String) -> MetricHistogram {
            registry.histogram(
                "triage_worker_stage_seconds", help: "Time of each stage of a batch, in seconds.",
                buckets: HistogramBuckets.stageSeconds + HistogramBuckets.seconds, labels: [lane, ("stage", name)])
        }
        func gauge(_ name: String, help: String) -> MetricGauge {
            registry.gauge(name, help: help, labels: [lane])
        }
        succeeded = sentences("ok")
        failed = Dictionary(uniqueKeysWithValues: ErrorCode.allCases.map { ($0, sentences($0.rawValue)) })
        batch = registry.histogram(
            "triage_worker_batch_sentences", help: "Requests in a batch.", buckets: HistogramBuckets.counts,
            labels: [lane])
        (queue, decode, classify) = (stage("queue"), stage("decode"), stage("classify"))
        (encode, send, deliver) = (stage("encode"), stage("send"), stage("deliver"))
        inFlight = gauge("triage_worker_in_flight_batches", help: "Batches received and not acknowledged.")
        queued = gauge("triage_worker_producer_queue_records", help: "Records given to librdkafka, not acknowledged.")
        assigned = gauge("triage_worker_assigned_partitions", help: "Partitions assigned.")
        unsureCount = registry.counter(
            "triage_worker_unsure_total", help: "Classifications that say that they are unsure.", labels: [lane])
        encoderCount = registry.counter(
            "triage_worker_encoder_sentences_total", help: "Classifications that the model's encoder gave.",
            labels: [lane])
        encoder = registry.histogram(
            "triage_worker_encoder_seconds", help: "Time of a batch in the model's encoder, in seconds.",
            buckets: HistogramBuckets.stageSeconds + HistogramBuckets.seconds, labels: [lane])
        recreations = registry.counter(
            "triage_worker_topic_recreations_total",
            help: "Times that the topic of requests was deleted and made again under the worker.", labels: [lane])
        undeliveredCount = registry.counter(
            "triage_worker_undelivered_total", help: "Replies and dead letters that had to be sent in another way.",
            labels: [lane])
        positionResets = registry.counter(
            "triage_worker_position_resets_total",
            help: "Times that the place to go on at in a partition was gone, with records deleted unread.",
            labels: [lane])
        (commits, failedCommits, aborts) = (commit("ok"), commit("failed"), commit("aborted"))
        rebalances = Dictionary(
            uniqueKeysWithValues: RebalanceEvent.allCases.map {
                ($0, counter("triage_worker_rebalances_total", help: "Rebalances seen.", "event", $0.rawValue))
            })
        registry.addCollector { [weak self] readings in
            for (partition, records) in self?.lag.withLock({ $0 }) ?? [:] {
                readings.gauge(
                    "triage_worker_consumer_lag_records", help: "Records of a partition not received yet.",
                    labels: [lane, ("partition", String(partition))], Double(records))
            }
        }
    }

    func encoded(count: Int, took time: Duration) {
        encoderCount.increment(by: Int64(count))
        encoder.observe(time)
    }

    func answered(
        count: Int, failures: some Collection<ErrorCode>, unsure: Int, queued: Duration?, decoding: Duration,
        classifying: Duration,
        encoding: Duration
    ) {
        succeeded.increment(by: Int64(count - failures.count))
        for code in failures { failed[code]?.increment() }
        if unsure > 0 { unsureCount.increment(by: Int64(unsure)) }
        batch.observe(Double(count))
        if let queued { queue.observe(queued) }
        decode.observe(decoding)
        classify.observe(classifying)
        encode.observe(encoding)
    }

    func sent(took time: Duration) { send.observe(time) }

    func delivered(took time: Duration) { deliver.observe(time) }

    func topicRecreated() { recreations.increment() }

    func undelivered() { undeliveredCount.increment() }

    func positionReset() { positionResets.increment() }

    func committed() { commits.increment() }

    func commitFailed() { failedCommits.increment() }

    func aborted() { aborts.increment() }

    func rebalanced(_ event: RebalanceEvent) { rebalances[event]?.increment() }

    func publish(inFlight batches: Int, queued records: Int, assigned partitions: Int) {
        inFlight.set(Int64(batches))
        queued.set(Int64(records))
        assigned.set(Int64(partitions))
    }

    func publish(lag records: [Int32: Int64]) { lag.withLock { $0 = records } }

    /// Resets the gauges: nothing is assigned or in flight any more.
    func clear() {
        publish(inFlight: 0, queued: 0, assigned: 0)
        publish(lag: [:])
    }
}
