import Foundation
import Messages
import Testing

/// One record for each reason why a request cannot be classified that a client can cause.
enum BadRecord: String, CaseIterable {
    case brokenJSON = "malformed_json"
    case noText = "missing_text"
    case emptyText = "empty_text"
    case longText = "text_too_long"
    case brokenUTF8 = "invalid_utf8"
    case foreignType = "unsupported_content_type"
    case foreignReplyTopic = "reply_topic_not_allowed"
    case expired = "deadline_exceeded"

    var isDeadLettered: Bool { self != .expired }

    /// A record of the kind; `number` makes it unlike the others.
    func record(_ topics: Stage.Topics, number: Int) -> StoredRecord {
        let text = SampleSentences.sentence(number)
        var record = StoredRecord(key: Array("k\(number)".utf8), value: Array("{\"text\":\"\(text)\"}".utf8))
        record.headers.append(.init(name: "number", value: Array("\(number)".utf8)))
        switch self {
        case .brokenJSON: record.value = Array("{\"text\":\"\(text)".utf8)
        case .noText: record.value = Array("{\"texte\":\"\(text)\"}".utf8)
        case .emptyText: record.value = Array("{\"text\":\" \\n \"}".utf8)
        case .longText: record.value = Array("{\"text\":\"\(text)\(String(repeating: "a", count: 9_000))\"}".utf8)
        case .brokenUTF8:
            record.value = Array(text.utf8) + [0xC3, 0x28, 0xFF]
            record.headers.append(.init(name: "content-type", value: Array("text/plain".utf8)))
        case .foreignType: record.headers.append(.init(name: "content-type", value: Array("image/png".utf8)))
        case .foreignReplyTopic:
            record.headers.append(.init(name: "kafka_replyTopic", value: Array((topics.prefix + ".nowhere").utf8)))
        case .expired: record.headers.append(.init(name: "triage-deadline", value: Array("1700000000000".utf8)))
        }
        return record
    }

    /// Expects the dead letter of a request among others: untouched, with the headers that say where it came from.
    static func expect(
        _ letters: [StoredRecord], toHold request: StoredRecord, group: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let place = [request.topic, "\(request.partition)", "\(request.offset)"]
        let letter = letters.first {
            [
                $0.header(HeaderName.deadLetterTopic), $0.header(HeaderName.deadLetterPartition),
                $0.header(HeaderName.deadLetterOffset),
            ] == place
        }
        guard let letter else {
            Issue.record("no dead letter of \(request.source)", sourceLocation: sourceLocation)
            return
        }
        #expect(letter.key == request.key, sourceLocation: sourceLocation)
        #expect(letter.value == request.value, sourceLocation: sourceLocation)
        #expect(Array(letter.headers.prefix(request.headers.count)) == request.headers, sourceLocation: sourceLocation)
        #expect(letter.header(HeaderName.deadLetterGroup) == group, sourceLocation: sourceLocation)
        #expect(letter.header(HeaderName.deadLetterMessage)?.isEmpty == false, sourceLocation: sourceLocation)
        #expect(letter.header(HeaderName.deadLetterCode).flatMap(BadRecord.init) != nil, sourceLocation: sourceLocation)
    }
}
