import Foundation
import Kafka
import Messages
import Platform

/// The details of a dead letter; printed as one line of JSON.
struct DeadLetter: Encodable {
    /// `TOPIC/PARTITION/OFFSET` in the dead-letter topic.
    let position: String
    /// When the worker gave up on it, RFC 3339.
    let time: String
    /// `TOPIC/PARTITION/OFFSET` of the original request.
    let source: String?
    let group: String?
    let code: String?
    let message: String?
    let key: String?
    /// The first 1,000 bytes; invalid UTF-8 is shown as U+FFFD.
    let value: String?

    /// The topic of the original request.
    let topic: String?
    /// The partition of the dead-letter topic.
    let partition: Int32
    /// ``time`` in Unix milliseconds.
    let milliseconds: Int64
    /// Whether the request failed again after a replay.
    let isReplayed: Bool

    enum CodingKeys: String, CodingKey { case position, time, source, group, code, message, key, value }

    init(_ record: ConsumedRecord, in deadLetters: String) {
        var headers: [String: String] = [:]
        var isReplayed = false
        record.forEachHeader { name, value in
            if name.elementsEqual(DeadLetterReplay.origin.bytes) { isReplayed = true }
            let name = String(decoding: name, as: UTF8.self)
            if DeadLetter.isOwn(header: name) { headers[name] = value.map { String(decoding: $0, as: UTF8.self) } }
        }
        position = "\(deadLetters)/\(record.partition)/\(record.offset)"
        partition = record.partition
        milliseconds = record.timestampMilliseconds
        self.isReplayed = isReplayed
        time = Timestamp.text(milliseconds: record.timestampMilliseconds)
        topic = headers["\(HeaderName.deadLetterTopic)"]
        let place = [topic, headers["\(HeaderName.deadLetterPartition)"], headers["\(HeaderName.deadLetterOffset)"]]
        source = place.contains(nil) ? nil : place.compactMap { $0 }.joined(separator: "/")
        group = headers["\(HeaderName.deadLetterGroup)"]
        code = headers["\(HeaderName.deadLetterCode)"]
        message = headers["\(HeaderName.deadLetterMessage)"]
        key = record.key.map { String(decoding: $0.prefix(1_000), as: UTF8.self) }
        value = record.value.map { String(decoding: $0.prefix(1_000), as: UTF8.self) }
    }

    /// Whether the worker added the header; the others are the request's own.
    static func isOwn(header name: String) -> Bool { name.hasPrefix("__dlq.errors.") }
}

/// The count and time range of dead letters by error code.
struct DeadLetterSummary {
    private struct Entry {
        var count = 0
        var oldest = Int64.max
        var newest = Int64.min
    }

    private var entries: [String: Entry] = [:]

    var count: Int { entries.values.reduce(0) { $0 + $1.count } }

    mutating func add(_ letter: DeadLetter) {
        var entry = entries[letter.code ?? "(no code)", default: Entry()]
        entry.count += 1
        entry.oldest = min(entry.oldest, letter.milliseconds)
        entry.newest = max(entry.newest, letter.milliseconds)
        entries[letter.code ?? "(no code)"] = entry
    }

    /// A table with a header, the most frequent code first; empty if there are no dead letters.
    var lines: [String] {
        guard !entries.isEmpty else { return [] }
        let rows = entries.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }.map { code, entry in
            [
                code, entry.count.grouped, Timestamp.text(milliseconds: entry.oldest),
                Timestamp.text(milliseconds: entry.newest),
                ErrorCode(rawValue: code)?.isOfRecord == true ? "left out: fails again" : "yes",
            ]
        }
        return TextTable(["code", "count", "oldest", "newest", "replay"], rows, right: [1]).lines
    }
}
