import Foundation
import Kafka
import Messages
import Synchronization

/// Sends the lines of standard input to the bulk lane and writes the replies to standard output in order.
///
/// Two threads: one reads and sends, the caller's receives and writes. They share the window of lines in flight, which
/// bounds memory for input of any length.
final class PipeSession {
    /// The maximum number of lines in flight, or answered out of order.
    private static let window = 20_000

    private let producer: Producer
    private let consumer: Consumer
    private let requests: ProducerTopic
    private let patience: Duration
    private let replyTo: ReplyAddress
    private let feed = LineFeed()
    private let room = {
        // Dispatch traps when a semaphore is freed with less than its initial value, as after a failure: start at 0.
        let room = DispatchSemaphore(value: 0)
        for _ in 0..<PipeSession.window { room.signal() }
        return room
    }()

    private var order = ReplyOrder()
    private var output = StandardOutput()
    private var progress = Progress()
    private var failures = 0
    private var undelivered: KafkaErrorCode?

    /// - Throws: ``CommandFailure`` or `KafkaError` when the topics cannot be reached.
    init(properties: KafkaProperties, requests: String, replies: String, patience: Duration, log: KafkaLog) throws {
        let admin = try AdminClient(properties: properties, log: log)
        let topics = try admin.metadata().topics
        guard let partitions = topics[replies], topics[requests] != nil else {
            let missing = [requests, replies].filter { topics[$0] == nil }.joined(separator: ", ")
            throw CommandFailure.unavailable("there is no topic \(missing); 'triage topics create' creates it")
        }
        let partition = TopicPartition(topic: replies, partition: Int32.random(in: 0..<Int32(partitions)))
        replyTo = ReplyAddress(topic: replies, partition: partition.partition)
        let wakeup = try Wakeup()
        let quickFetch: KafkaProperties = ["fetch.wait.max.ms": "20"]
        consumer = try Consumer(properties: quickFetch.merging(properties), wakeup: wakeup, log: log)
        let efficient: KafkaProperties = ["linger.ms": "10", "enable.idempotence": "true"]
        producer = try Producer(properties: efficient.merging(properties), wakeup: wakeup, log: log)
        self.requests = try producer.topic(requests)
        self.patience = patience
        // Query the end now: a reply written before the first fetch must not be missed.
        let end = try consumer.queryWatermarks(of: partition, within: .seconds(15)).high
        try consumer.assign([(partition, .at(end))])
    }

    /// Runs until every line is answered.
    /// - Throws: ``CommandFailure`` when requests cannot be delivered, no replies come, or a stream fails.
    func run() throws {
        let sender = LineSender(
            producer: producer, topic: requests, replyTo: replyTo, feed: feed, room: room)
        Thread.detachNewThread { sender.run() }
        defer { consumer.close(within: .seconds(2)) }
        var lastReply = ContinuousClock.now
        while !(try isDone()) {
            let before = order.next
            try receive()
            if order.next > before || feed.sent == order.next { lastReply = .now }
            guard lastReply.duration(to: .now) < patience else {
                try output.flush()
                progress.finish()
                throw CommandFailure.unavailable(
                    "no reply came for \(patience / .seconds(1)) s; \(order.next.grouped) lines are answered. Is a worker running?"
                )
            }
            progress.show { "\(feed.sent.grouped) sent, \(order.next.grouped) answered" }
        }
        try output.flush()
        let rate = Int(Double(order.next) / max(progress.seconds, 0.001)).grouped
        progress.finish(
            "\(order.next.grouped) lines answered, \(failures.grouped) with an error, in "
                + "\(progress.seconds.rounded(to: 1)) s (\(rate)/s)")
    }

    private func isDone() throws -> Bool {
        if let undelivered {
            throw CommandFailure.unavailable("a line could not be delivered to \(requests.name): \(undelivered)")
        }
        return try feed.total() == order.next
    }

    private func receive() throws {
        let wasIdle = order.next
        let batch = try consumer.receive(maximum: 5_000, waiting: .milliseconds(100))
        for index in 0..<batch.count { try take(batch.record(at: index)) }
        for (number, reply) in feed.takeRefused() {
            try reply.withUnsafeBytes { try take(number, $0, isFailure: true) }
        }
        _ = producer.receiveDeliveryReports { [self] _, error, _, _ in undelivered = undelivered ?? error }
        // Flush as soon as the stream pauses, for interactive readers.
        if order.next == wasIdle || order.next == feed.sent { try output.flush() }
    }

    private func take(_ record: ConsumedRecord) throws {
        var correlationID: UnsafeRawBufferPointer?
        var isFailure = false
        record.forEachHeader { name, value in
            if name.elementsEqual(HeaderName.correlationID.bytes) { correlationID = value }
            if name.elementsEqual(HeaderName.status.bytes), let value {
                isFailure = !value.elementsEqual(HeaderValue.statusOK.bytes)
            }
        }
        guard let correlationID, let number = replyTo.number(of: correlationID), let value = record.value else {
            return
        }
        try take(number, value, isFailure: isFailure)
    }

    private func take(_ number: Int, _ reply: UnsafeRawBufferPointer, isFailure: Bool) throws {
        let repeats = order.repeats
        try order.insert(number, reply) { reply in
            try output.writeLine(reply)
            room.signal()
        }
        if isFailure && order.repeats == repeats { failures += 1 }
    }
}

/// The destination of this run's replies. The correlation id distinguishes them from those of others: eight random
/// bytes per run, then the line's number from 0 as a big-endian Int64.
struct ReplyAddress: Sendable {
    let topic: String
    let partition: Int32
    private let run = UInt64.random(in: .min ... .max)

    init(topic: String, partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    /// Passes the 16-byte correlation id of a line to `body`.
    func withCorrelationID<Result>(of number: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
    {
        try withUnsafeBytes(of: (run.bigEndian, UInt64(number).bigEndian), body)
    }

    /// The line number in a correlation id; nil if it is not of this run.
    func number(of correlationID: UnsafeRawBufferPointer) -> Int? {
        guard correlationID.count == 16,
            UInt64(bigEndian: correlationID.loadUnaligned(as: UInt64.self)) == run
        else { return nil }
        return Int(UInt64(bigEndian: correlationID.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
}

/// Restores replies to the order of their requests.
///
/// Requests are numbered from 0. Replies come in any order, some twice (delivery is at least once). Each is buffered
/// until all before it have been emitted, so the buffer never exceeds the requests in flight.
struct ReplyOrder {
    private var waiting: [Int: [UInt8]] = [:]

    /// The number of the next request in order; the replies to all before it have been emitted.
    private(set) var next = 0

    /// The number of duplicate replies, which are dropped.
    private(set) var repeats = 0

    /// Adds a reply, then passes to `emit` every reply that is next in order.
    mutating func insert(
        _ number: Int, _ reply: UnsafeRawBufferPointer, emit: (UnsafeRawBufferPointer) throws -> Void
    ) rethrows {
        guard number >= next, waiting[number] == nil else {
            repeats += 1
            return
        }
        guard number == next else {
            waiting[number] = Array(reply)
            return
        }
        try emit(reply)
        next += 1
        while let reply = waiting.removeValue(forKey: next) {
            try reply.withUnsafeBytes(emit)
            next += 1
        }
    }
}
