import Foundation
import Kafka

/// Reads all partitions of the dead-letter topic to their ends, as seen by a read-committed consumer at partition EOF.
/// The high watermark does not show that end: the last offset may be a transaction marker, which is not a record.
///
/// It assigns partitions manually, so any number of readers see everything without affecting each other.
struct DeadLetterReader {
    /// What to read after a record.
    enum Next {
        case record
        /// Only records of the other partitions.
        case otherPartitions
        case nothing
    }

    let consumer: Consumer
    let topic: String
    /// The offsets from the oldest to the end, as queried from the broker at the start, of each non-empty partition.
    let extents: [Int32: Range<Int64>]

    /// How long the broker may send nothing.
    private static let patience = Duration.seconds(30)

    /// - Parameter group: the group whose committed offsets are read and moved; nil for none.
    init(properties: KafkaProperties, topic: String, group: String?, log: KafkaLog) throws {
        // Prefetch little: the command may run beside a worker in its container and shares its memory.
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
            throw CommandFailure.unavailable("there is no topic \(topic); 'triage topics create' creates it")
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

    /// The offset of each partition's oldest record, or of its oldest since the given time (Unix milliseconds).
    func beginnings(since time: Int64? = nil) throws -> [Int32: Int64] {
        guard let time else { return extents.mapValues(\.lowerBound) }
        var beginnings: [Int32: Int64] = [:]
        for case (let partition, let offset?) in try consumer.offsets(since: time, in: partitions) {
            beginnings[partition.partition] = offset
        }
        return beginnings
    }

    /// The group's next offset in each partition.
    func places() throws -> [Int32: Int64] {
        var places = try beginnings()
        for case (let partition, let offset?) in try consumer.committed(partitions) {
            places[partition.partition] = max(offset, places[partition.partition] ?? 0)
        }
        return places
    }

    /// Passes the records from these offsets to the ends to `body`, in order within each partition.
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
            // Excludes the time that `body` took.
            if !batch.isEmpty { last = .now }
            // An end is reported after all records before it.
            open.subtract(ends.map(\.partition))
            guard last.duration(to: .now) < Self.patience else {
                throw CommandFailure.unavailable(
                    "the broker has given nothing for \(Self.patience.components.seconds) s, and "
                        + "\(open.count) partitions of \(topic) are not read to their ends; what was read is shown")
            }
        }
    }

    /// Passes dead letters to `body`, newest first by timestamp, until it returns false. Reads the partitions backwards
    /// from their ends in windows, so that a few letters come quickly and many do not need much memory.
    ///
    /// - Parameter time: the oldest timestamp to include, in Unix milliseconds.
    /// - Throws: ``CommandFailure`` when the broker stops answering, after passing on what was read.
    func forEachNewestFirst(since time: Int64?, _ body: (DeadLetter) throws -> Bool) throws {
        let beginnings = try beginnings(since: time)
        // Offsets below these are unread. At first also those beyond the queried end.
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
                // Offsets follow timestamps only roughly: several workers write to a partition.
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

    /// The number of offsets read first from each partition: small, so that the newest letters appear at once.
    private static let firstWindow: Int64 = 1_000
    /// The number of offsets read per step after that, over all partitions.
    private static let window: Int64 = 12_000
}
