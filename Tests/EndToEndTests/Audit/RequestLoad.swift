import Foundation
import Kafka
import Messages
import Synchronization

/// Publishes numbered requests from a thread of its own, and remembers where the broker put each.
final class RequestLoad: Sendable {
    /// Where each request lies.
    struct Places: Sendable {
        /// `numbers[partition][offset]` is a request's number, -1 where it is not known whose record that is.
        private(set) var numbers: [[Int32]]
        /// Requests that the broker has, it does not say where: their acknowledgement was lost with a connection, and to the
        /// repeated record it only answered that it has it already, with no offset or (Tansu) with one that is another's.
        private(set) var unplaced: Set<Int32> = []
        private(set) var count = 0

        init(partitions: Int) { numbers = Array(repeating: [], count: partitions) }

        mutating func put(_ number: Int32, partition: Int, offset: Int) {
            count += 1
            let missing = offset + 1 - numbers[partition].count
            if missing > 0 { numbers[partition] += repeatElement(-1, count: missing) }
            if offset >= 0, numbers[partition][offset] < 0 {
                numbers[partition][offset] = number
            } else {
                unplaced.insert(number)
            }
        }
    }

    private struct State {
        var places: Places
        var failure: String?
        var isDone = false
        var mustStop = false
    }

    private let state: Mutex<State>

    /// Starts to publish.
    ///
    /// - Parameters:
    ///   - count: how many requests; it stops earlier when told to.
    ///   - perSecond: how fast; nil means as fast as the broker takes them.
    ///   - make: the request of a number. See ``RequestLoad/plain(_:)``.
    init(
        on stage: Stage, count: Int, perSecond: Int? = nil,
        make: @escaping @Sendable (Int) -> StoredRecord = RequestLoad.plain
    ) {
        state = Mutex(State(places: Places(partitions: stage.partitions)))
        Thread.detachNewThread { [self] in
            do {
                try publish(on: stage, count: count, perSecond: perSecond, make: make)
            } catch {
                state.withLock { $0.failure = "\(error)" }
            }
            state.withLock { $0.isDone = true }
        }
    }

    /// A request whose id is its number, with one of 50 keys.
    static func plain(_ number: Int) -> StoredRecord {
        let text = SampleSentences.sentence(number % 1_000)
        return StoredRecord(
            key: Array("key-\(number % 50)".utf8), value: Array("{\"id\":\"\(number)\",\"text\":\"\(text)\"}".utf8))
    }

    /// How many the broker has.
    var acknowledged: Int { state.withLock { $0.places.count } }

    var isDone: Bool { state.withLock { $0.isDone } }

    /// Publishes no more.
    func stop() { state.withLock { $0.mustStop = true } }

    /// Waits until the broker has all of them.
    func places(within limit: Duration) throws -> Places {
        try eventually(within: limit, "the load", details: { "\(acknowledged) were taken" }) { isDone }
        let (places, failure) = state.withLock { ($0.places, $0.failure) }
        if let failure { throw TimedOut(what: "the load", details: failure) }
        return places
    }

    private func publish(
        on stage: Stage, count: Int, perSecond: Int?, make: (Int) -> StoredRecord
    ) throws {
        let producer = try Producer(
            properties: stage.properties.merging([
                "enable.idempotence": "true", "message.timeout.ms": "0", "linger.ms": "5",
                "queue.buffering.max.messages": "50000", "reconnect.backoff.max.ms": "500",
                "partitioner": "murmur2_random",
            ]), log: stage.log)
        let topic = try producer.topic(stage.topics.requests)
        let start = ContinuousClock.now
        var reports: [(number: Int32, partition: Int, offset: Int)] = []
        func takeReports(waiting: Duration) throws {
            var failure: KafkaErrorCode?
            reports.removeAll(keepingCapacity: true)
            producer.receiveDeliveryReports(waiting: waiting) { token, error, partition, offset in
                failure = failure ?? error
                reports.append((Int32(truncatingIfNeeded: token), Int(partition), Int(offset)))
            }
            if let failure { throw TimedOut(what: "the broker to take a request", details: failure.description) }
            state.withLock { state in
                for report in reports {
                    state.places.put(report.number, partition: report.partition, offset: report.offset)
                }
            }
        }
        var next = 0
        while next < count, !state.withLock({ $0.mustStop }) {
            let due = perSecond.map { Int((ContinuousClock.now - start).seconds * Double($0)) } ?? count
            while next < min(due, count) {
                do throws(KafkaError) {
                    try Self.send(make(next), number: next, with: producer, to: topic)
                } catch {
                    guard error.code == .queueFull else { throw error }
                    break
                }
                next += 1
                if next % 1_000 == 0 { try takeReports(waiting: .zero) }
            }
            try takeReports(waiting: .milliseconds(5))
        }
        while producer.queuedCount > 0 { try takeReports(waiting: .milliseconds(20)) }
    }

    private static func send(
        _ request: StoredRecord, number: Int, with producer: Producer, to topic: ProducerTopic
    ) throws(KafkaError) {
        var headers = RecordHeaders()
        for header in request.headers {
            Array(header.name.utf8).withUnsafeBytes { name in
                withBytes(header.value) { headers.append(nameBytes: name, value: $0) }
            }
        }
        let outcome: Result<Void, KafkaError> = withBytes(request.key) { key in
            withBytes(request.value) { value in
                do throws(KafkaError) {
                    try producer.send(
                        to: topic, key: key, value: value, headers: &headers, token: UInt(number), copying: true)
                    return .success(())
                } catch {
                    return .failure(error)
                }
            }
        }
        try outcome.get()
    }
}
