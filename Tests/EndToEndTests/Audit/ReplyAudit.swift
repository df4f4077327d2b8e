import Foundation
import Kafka
import Messages
import Synchronization

/// Reads every reply to a stage's bulk requests, of all topics that have some, on a thread of its own, and keeps the books.
///
/// It can put a mark behind all replies so far (``mark()``): once it has read the mark, it has read all of them.
final class ReplyAudit: Sendable {
    private struct Expectation {
        let mark: Int
        /// Committed offsets by partition of the requests.
        let committed: [Int: Int]
    }

    private struct State {
        var ledger: ReplyLedger
        var marksSeen: [Int]
        /// By topic and partition of the replies: the offset that is to be read next.
        var nextOffsets: [Int64]
        /// How many replies each topic has.
        var counts: [Int]
        var skipped: [String] = []
        var marks = 0
        var expectations: [Expectation] = []
        var firstReply: ContinuousClock.Instant?
        var latestReply: ContinuousClock.Instant?
        var longestPause = Duration.zero
        var failure: String?
        var mustStop = false
        var hasStopped = false
    }

    private static let markKey = Array("audit-mark".utf8)

    private let stage: Stage
    private let topics: [String]
    private let state: Mutex<State>
    private let markProducer: Producer

    /// Starts to read, from the beginning of the topics.
    ///
    /// - Parameters:
    ///   - isolation: `read_committed` sees no reply of an unfinished or aborted transaction.
    ///   - routes: the topics of replies besides the default one.
    init(on stage: Stage, isolation: String = "read_uncommitted", routes: [String] = []) throws {
        self.stage = stage
        topics = [stage.topics.replies] + routes
        let places = topics.count * stage.partitions
        state = Mutex(
            State(
                ledger: ReplyLedger(partitions: stage.partitions), marksSeen: Array(repeating: 0, count: places),
                nextOffsets: Array(repeating: 0, count: places), counts: Array(repeating: 0, count: topics.count)))
        markProducer = try Producer(
            properties: stage.properties.merging(["linger.ms": "0", "message.timeout.ms": "0"]), log: stage.log)
        Thread.detachNewThread { [self] in
            do {
                try read(isolation: isolation)
            } catch {
                state.withLock { $0.failure = "\(error)" }
            }
            state.withLock { $0.hasStopped = true }
        }
    }

    /// A copy of the books.
    var ledger: ReplyLedger { state.withLock { $0.ledger } }

    /// Offsets of replies that the audit's own reader was not given, the first few. Without transactions, whose markers take
    /// offsets too, there should be none.
    var skipped: [String] { state.withLock { $0.skipped } }

    /// The longest time between two replies, from the first one on.
    var longestPause: Duration { state.withLock { $0.longestPause } }

    /// When the latest reply came.
    var latestReply: ContinuousClock.Instant? { state.withLock { $0.latestReply } }

    /// How many replies each topic has, the default one first.
    var counts: [Int] { state.withLock { $0.counts } }

    /// How many requests have an answer.
    var answered: Int { state.withLock { $0.ledger.answered } }

    func note(_ oddity: String) { state.withLock { $0.ledger.note(oddity) } }

    /// Ends the reading.
    func stop() {
        state.withLock { $0.mustStop = true }
        try? eventually(within: .seconds(10), "the audit to stop") { state.withLock { $0.hasStopped } }
    }

    /// Checks, once all replies so far are read, that every request below these committed offsets has one.
    func expectAnswers(below committed: [Int: Int]) throws {
        _ = try putMark { state, mark in
            state.expectations.append(Expectation(mark: mark, committed: committed))
        }
    }

    /// Waits until everything that is in the topic now has been read.
    func catchUp(within limit: Duration = .seconds(30)) throws {
        let mark = try putMark { _, _ in }
        try eventually(within: limit, "the audit to catch up", details: { failure ?? "" }) {
            state.withLock { state in state.marksSeen.allSatisfy { $0 >= mark } || state.failure != nil }
        }
        if let failure { throw TimedOut(what: "the audit", details: failure) }
    }

    private var failure: String? { state.withLock { $0.failure } }

    private func putMark(_ prepare: (inout State, Int) -> Void) throws -> Int {
        let mark = state.withLock { state in
            state.marks += 1
            prepare(&state, state.marks)
            return state.marks
        }
        for topic in topics {
            let topic = try markProducer.topic(topic)
            for partition in 0..<Int32(stage.partitions) {
                try Self.markKey.withUnsafeBytes { key in
                    try withBytes(Array("\(mark)".utf8)) { value in
                        try markProducer.send(
                            to: topic, partition: partition, key: key, value: value, token: 0, copying: true)
                    }
                }
            }
        }
        markProducer.receiveDeliveryReports { _, _, _, _ in }
        return mark
    }

    private func read(isolation: String) throws {
        let consumer = try Consumer(
            properties: stage.readerProperties.merging([
                "isolation.level": isolation, "queued.max.messages.kbytes": "16384", "reconnect.backoff.max.ms": "500",
            ]), log: stage.log)
        defer { consumer.close() }
        try consumer.assign(topics.flatMap { stage.partitions(of: $0) }.map { ($0, .beginning) })
        while !state.withLock({ $0.mustStop }) {
            let batch = try consumer.receive(maximum: 2_000, waiting: .milliseconds(100))
            guard !batch.isEmpty else { continue }
            state.withLock { state in
                for index in 0..<batch.count {
                    let record = batch.record(at: index)
                    let topic = topics.firstIndex(of: consumer.topicName(record.topic)) ?? 0
                    take(record, of: topic, into: &state)
                }
            }
        }
    }

    private func take(_ record: ConsumedRecord, of topic: Int, into state: inout State) {
        let place = topic * stage.partitions + Int(record.partition)
        let expected = state.nextOffsets[place]
        if record.offset > expected, state.skipped.count < 10 {
            state.skipped.append("\(record.partition)/\(expected)..<\(record.offset)")
        }
        state.nextOffsets[place] = record.offset + 1
        if let key = record.key, key.elementsEqual(Self.markKey) {
            let mark = record.value.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
            state.marksSeen[place] = max(state.marksSeen[place], mark)
            return checkExpectations(&state)
        }
        SeenAnswers.shared.add(record)
        state.counts[topic] += 1
        let now = ContinuousClock.now
        if let latest = state.latestReply { state.longestPause = max(state.longestPause, now - latest) }
        state.firstReply = state.firstReply ?? now
        state.latestReply = now
        guard let reply = ReplyRecord(record, requests: stage.topics.requests) else {
            return state.ledger.note("a record that is no reply, at \(record.partition)/\(record.offset)")
        }
        state.ledger.add(
            partition: reply.partition, offset: reply.offset, id: reply.id, status: reply.status, key: record.key,
            topic: UInt8(topic))
        if let model = reply.model { state.ledger.add(model: model) }
    }

    private func checkExpectations(_ state: inout State) {
        let seen = state.marksSeen.min() ?? 0
        while let expectation = state.expectations.first, expectation.mark <= seen {
            state.expectations.removeFirst()
            for (partition, committed) in expectation.committed {
                let prefix = state.ledger.answeredPrefix(of: partition)
                guard committed > prefix else { continue }
                state.ledger.note("committed \(partition)/\(committed), but \(partition)/\(prefix) had no reply")
            }
        }
    }
}

/// The few fields of a reply that the books need, read without the product's own code.
private struct ReplyRecord {
    var partition = -1
    var offset = -1
    var status = ""
    var id: Int32 = -1
    var model: String?

    init?(_ record: ConsumedRecord, requests: String) {
        var source: String?
        var status: String?
        record.forEachHeader { name, value in
            guard let value else { return }
            if name.elementsEqual("triage-source".utf8) { source = String(decoding: value, as: UTF8.self) }
            if name.elementsEqual("triage-status".utf8) { status = String(decoding: value, as: UTF8.self) }
        }
        guard let source, let status, source.hasPrefix(requests + "/"), let value = record.value else { return nil }
        let place = source.dropFirst(requests.utf8.count + 1).split(separator: "/").compactMap { Int($0) }
        guard place.count == 2 else { return nil }
        (partition, offset) = (place[0], place[1])
        self.status = status
        id = Self.number(after: "{\"id\":\"", in: value)
        model = Self.text(after: "\"model\":\"", in: value)
    }

    private static func number(after prefix: StaticString, in value: UnsafeRawBufferPointer) -> Int32 {
        guard value.count > prefix.utf8CodeUnitCount else { return -1 }
        var number: Int32 = -1
        for byte in value.dropFirst(prefix.utf8CodeUnitCount) {
            guard (0x30...0x39).contains(byte), number < 100_000_000 else { break }
            number = max(number, 0) * 10 + Int32(byte - 0x30)
        }
        return number
    }

    /// The last member of the object, so it is looked for from the end.
    private static func text(after name: StaticString, in value: UnsafeRawBufferPointer) -> String? {
        let text = String(decoding: value.suffix(120), as: UTF8.self)
        guard let start = text.range(of: "\(name)")?.upperBound, let end = text[start...].firstIndex(of: "\"") else {
            return nil
        }
        return String(text[start..<end])
    }
}
