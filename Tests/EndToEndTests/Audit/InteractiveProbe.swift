import Foundation
import Kafka
import Messages
import Synchronization

/// A caller of the interactive lane: asks at a steady pace, whether or not earlier questions are answered, and notes how long
/// each answer took.
final class InteractiveProbe: Sendable {
    /// How long the answers took.
    struct Latencies: Sendable {
        fileprivate var sorted: [Duration]
        /// Questions that had no answer at the end.
        let unanswered: Int
        /// Where those are: by partition, the first and the last offset.
        let unansweredPlaces: String

        var count: Int { sorted.count }
        var median: Duration { quantile(0.5) }
        var p99: Duration { quantile(0.99) }
        /// The longest that a caller waited.
        var longest: Duration { sorted.last ?? .zero }

        func quantile(_ share: Double) -> Duration {
            sorted.isEmpty ? .zero : sorted[min(Int(Double(sorted.count) * share), sorted.count - 1)]
        }

        var text: String {
            "\(count) answers, p50 \(median.text), p99 \(p99.text), longest \(longest.text), unanswered \(unanswered)"
        }
    }

    private struct Place {
        let partition: Int32
        let offset: Int64
    }

    private struct State {
        var sent: [ContinuousClock.Instant] = []
        var latencies: [Duration?] = []
        /// Where the broker put them; nil as long as it has not said.
        var places: [Place?] = []
        var mustAsk = true
        var mustStop = false
        var failure: String?
    }

    private let state = Mutex(State())
    private let hasStopped = DispatchSemaphore(value: 0)

    /// Starts to ask.
    init(on stage: Stage, every interval: Duration = .milliseconds(10)) {
        Thread.detachNewThread { [self] in
            do {
                try run(stage, every: interval)
            } catch {
                state.withLock { $0.failure = "\(error)" }
            }
            hasStopped.signal()
        }
    }

    /// How many questions were asked so far; a range of them can be looked at by ``latencies(from:)``.
    var asked: Int { state.withLock { $0.sent.count } }

    var answered: Int { state.withLock { $0.latencies.count { $0 != nil } } }

    /// The latencies of the questions from a number on.
    func latencies(from first: Int = 0, to end: Int? = nil) -> Latencies {
        let (all, places) = state.withLock { state in
            let range = first..<min(end ?? .max, state.latencies.count)
            return (state.latencies[range], state.places[range])
        }
        let answered = all.compactMap { $0 }
        let missing = zip(all, places).filter { $0.0 == nil }.map(\.1)
        return Latencies(
            sorted: answered.sorted(), unanswered: missing.count, unansweredPlaces: Self.summary(of: missing))
    }

    private static func summary(of places: [Place?]) -> String {
        Dictionary(grouping: places, by: { $0?.partition ?? -1 }).sorted { $0.key < $1.key }.map { partition, places in
            let offsets = places.compactMap { $0?.offset }
            guard let first = offsets.min(), let last = offsets.max() else { return "\(places.count) not delivered" }
            return "\(places.count) in partition \(partition), offsets \(first) to \(last)"
        }.joined(separator: "; ")
    }

    /// Asks no more and waits for the answers that are still out.
    ///
    /// - Returns: the latencies of all questions.
    func finish(within limit: Duration = .seconds(30)) throws -> Latencies {
        state.withLock { $0.mustAsk = false }
        try? eventually(within: limit, "interactive answers") {
            state.withLock { state in state.failure != nil || state.latencies.allSatisfy { $0 != nil } }
        }
        state.withLock { $0.mustStop = true }
        hasStopped.wait()
        if let failure = state.withLock({ $0.failure }) {
            throw TimedOut(what: "interactive answers", details: failure)
        }
        return latencies()
    }

    private func run(_ stage: Stage, every interval: Duration) throws {
        let wakeup = try Wakeup()
        let producer = try Producer(
            properties: stage.properties.merging([
                "linger.ms": "0", "message.timeout.ms": "0", "reconnect.backoff.max.ms": "500",
            ]),
            wakeup: wakeup, log: stage.log)
        // Not a shorter `fetch.wait.max.ms` than the stage's: with 5 a reader of Tansu falls behind on a busy machine. In
        // the end it had read 7,772 of 8,640 replies, and a Python reader with 5 was about as far behind; Python readers with
        // 20 and 500 beside them saw each within 0.7 s.
        let consumer = try Consumer(
            properties: stage.readerProperties.merging(["reconnect.backoff.max.ms": "500"]), wakeup: wakeup,
            log: stage.log)
        defer { consumer.close() }
        try consumer.assign([(TopicPartition(topic: stage.topics.gatewayReplies, partition: 0), .beginning)])
        let topic = try producer.topic(stage.topics.interactive)
        var due = ContinuousClock.now
        while !state.withLock({ $0.mustStop }) {
            if ContinuousClock.now >= due, state.withLock({ $0.mustAsk }) {
                due += interval
                try ask(producer, topic, stage)
            }
            producer.receiveDeliveryReports { number, error, partition, offset in
                guard error == nil else { return }
                state.withLock { $0.places[Int(number)] = Place(partition: partition, offset: offset) }
            }
            let rest = min(max(due - .now, .milliseconds(1)), .milliseconds(20))
            take(try consumer.receive(maximum: 500, waiting: rest))
        }
    }

    private func ask(_ producer: Producer, _ topic: ProducerTopic, _ stage: Stage) throws {
        let number = state.withLock { state in
            state.sent.append(.now)
            state.latencies.append(nil)
            state.places.append(nil)
            return state.sent.count - 1
        }
        var headers = RecordHeaders()
        headers.append(name: HeaderName.correlationID, value: "\(number)")
        headers.append(name: HeaderName.replyTopic, value: stage.topics.gatewayReplies)
        withUnsafeBytes(of: Int32(0).bigEndian) { headers.append(name: HeaderName.replyPartition, value: $0) }
        try withBytes(Array("{\"text\":\"\(SampleSentences.sentence(number))\"}".utf8)) { value in
            try producer.send(to: topic, key: nil, value: value, headers: &headers, token: UInt(number), copying: true)
        }
    }

    private func take(_ batch: consuming ConsumedBatch) {
        let now = ContinuousClock.now
        for index in 0..<batch.count {
            let record = batch.record(at: index)
            SeenAnswers.shared.add(record)
            record.forEachHeader { name, value in
                guard let value, name.elementsEqual("kafka_correlationId".utf8),
                    let number = Int(String(decoding: value, as: UTF8.self))
                else { return }
                state.withLock { state in
                    if state.latencies[number] == nil { state.latencies[number] = now - state.sent[number] }
                }
            }
        }
    }
}
