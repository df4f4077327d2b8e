import Foundation
import Kafka

/// Reads the dead-letter topic, all partitions, up to their real ends: where a reader that sees no open or aborted
/// transaction has nothing more to come. The offset at which the broker says that a partition ends is no sign of it.
/// What lies last there may be the mark of a transaction, which is no record.
///
/// It assigns itself: any number of readers see everything, and none disturbs another.
struct DeadLetterReader {
    /// What is to be read after a record.
    enum Next {
        case record
        /// Of the other partitions only.
        case otherPartitions
        case nothing
    }

    let consumer: Consumer
    let topic: String
    /// From the oldest offset to the end, as the broker told them at the start, of each partition that has held
    /// anything.
    let extents: [Int32: Range<Int64>]

    /// How long the broker may give nothing.
    private static let patience = Duration.seconds(30)

    /// - Parameter group: the group whose place is to be known and moved; nil for none.
    init(properties: KafkaProperties, topic: String, group: String?, log: KafkaLog) throws {
        // Little is read ahead: a command that is run beside a worker, in its container, shares its memory.
        let quick: KafkaProperties = [
            "fetch.wait.max.ms": "50", "queued.min.messages": "1000", "queued.max.messages.kbytes": "1024",
        ]
        var properties = quick.merging(properties)
        properties["group.id"] = group
        properties["auto.offset.reset"] = "earliest"
        properties["enable.partition.eof"] = "true"
        properties["isolation.level"] = "read_committed"
        let consumer = try Consumer(properties: properties, log: log)
        let admin = try AdminClient(properties: properties, log: log)
        guard let count = try admin.metadata().topics[topic] else {
            throw CommandFailure.unavailable("there is no topic \(topic); 'triage topics create' makes it")
        }
        let extents = try (0..<Int32(count)).map { partition in
            let (low, high) = try consumer.queryWatermarks(of: TopicPartition(topic: topic, partition: partition))
            return (partition, low..<max(low, high))
        }
        self.consumer = consumer
        self.topic = topic
        self.extents = Dictionary(uniqueKeysWithValues: extents.filter { !$0.1.isEmpty })
    }

    private var partitions: [TopicPartition] { extents.keys.map { TopicPartition(topic: topic, partition: $0) } }

    /// Where each partition's oldest record lies; of those from this time on, if one is given (Unix milliseconds).
    func beginnings(since time: Int64? = nil) throws -> [Int32: Int64] {
        guard let time else { return extents.mapValues(\.lowerBound) }
        var beginnings: [Int32: Int64] = [:]
        for case (let partition, let offset?) in try consumer.offsets(since: time, in: partitions) {
            beginnings[partition.partition] = offset
        }
        return beginnings
    }

    /// Where the group has come to in each partition.
    func places() throws -> [Int32: Int64] {
        var places = try beginnings()
        for case (let partition, let offset?) in try consumer.committed(partitions) {
            places[partition.partition] = max(offset, places[partition.partition] ?? 0)
        }
        return places
    }

    /// Lends the records from these offsets to the ends to `body`, in order within each partition.
    /// - Throws: ``CommandFailure`` when the broker stops answering.
    func forEach(from offsets: [Int32: Int64], _ body: (ConsumedRecord) throws -> Next) throws {
        var open = Set(offsets.keys)
        guard !open.isEmpty else { return }
        try consumer.assign(offsets.map { (TopicPartition(topic: topic, partition: $0), .at($1)) })
        var last = ContinuousClock.now
        while !open.isEmpty {
            let batch = try consumer.receive(maximum: 500, waiting: .milliseconds(200))
            let ends = consumer.takeEnds()
            if !ends.isEmpty { last = .now }
            for index in 0..<batch.count {
                let record = batch.record(at: index)
                guard open.contains(record.partition) else { continue }
                switch try body(record) {
                case .record: break
                case .otherPartitions: open.remove(record.partition)
                case .nothing: return
                }
            }
            // Not counted: the time that `body` took.
            if !batch.isEmpty { last = .now }
            // An end comes after all records before it.
            open.subtract(ends.map(\.partition))
            guard last.duration(to: .now) < Self.patience else {
                throw CommandFailure.unavailable(
                    "the broker has given nothing for \(Self.patience.components.seconds) s, and "
                        + "\(open.count) partitions of \(topic) are not read to their ends; what was read is shown")
            }
        }
    }

    /// Hands dead letters to `body`, the newest first by their time, until it returns false. Reads the partitions from
    /// their ends, a window at a time, so that neither a few of many letters nor all of them take much.
    ///
    /// - Parameter time: nothing older than this, in Unix milliseconds.
    /// - Throws: ``CommandFailure`` when the broker stops answering, after handing out what was read.
    func forEachNewestFirst(since time: Int64?, _ body: (DeadLetter) throws -> Bool) throws {
        let beginnings = try beginnings(since: time)
        // What lies below is not read yet; first of all what is above the end that was told, too.
        var unread = beginnings.mapValues { _ in Int64.max }
        var windows: [Int32: [DeadLetter]] = [:]
        var failure: (any Error)?
        while true {
            let due = unread.filter { windows[$0.key, default: []].isEmpty && $0.value > beginnings[$0.key] ?? 0 }
            if failure == nil, !due.isEmpty {
                var starts: [Int32: Int64] = [:]
                for (partition, end) in due {
                    let top = min(end, extents[partition]?.upperBound ?? 0)
                    let size = end == .max ? Self.firstWindow : max(Self.window / Int64(extents.count), 250)
                    starts[partition] = max(beginnings[partition] ?? 0, top - size)
                }
                do {
                    try forEach(from: starts) { record in
                        let end = due[record.partition] ?? 0
                        guard record.offset < end else { return .otherPartitions }
                        let letter = DeadLetter(record, in: topic)
                        if letter.milliseconds >= time ?? .min { windows[record.partition, default: []].append(letter) }
                        return record.offset + 1 == end ? .otherPartitions : .record
                    }
                } catch {
                    failure = error
                }
                // A partition's own order is only nearly that of time: several workers write to it.
                for partition in starts.keys { windows[partition]?.sort { $0.milliseconds < $1.milliseconds } }
                unread.merge(starts) { $1 }
                continue
            }
            let newest = windows.values.lazy.compactMap(\.last).max { $0.milliseconds < $1.milliseconds }
            guard let newest else { break }
            windows[newest.partition]?.removeLast()
            guard try body(newest) else { return }
        }
        if let failure { throw failure }
    }

    /// How many offsets of a partition are read at first when the newest come first: who wants a few has them at once.
    private static let firstWindow: Int64 = 1_000
    /// How many of all partitions together are read at a time after that.
    private static let window: Int64 = 12_000
}
