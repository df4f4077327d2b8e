/// Names of the record headers that Triage reads and writes.
///
/// They are `StaticString`s because the Kafka client takes header names as null-terminated strings.
package enum HeaderName {
    // MARK: Requests and replies

    /// Media type of the value.
    package static let contentType: StaticString = "content-type"
    /// Opaque bytes that are echoed unchanged on the reply.
    package static let correlationID: StaticString = "kafka_correlationId"
    /// UTF-8 name of the topic for the reply.
    package static let replyTopic: StaticString = "kafka_replyTopic"
    /// Partition of the reply, a big-endian Int32.
    package static let replyPartition: StaticString = "kafka_replyPartition"
    /// Decimal Unix milliseconds after which nobody waits for the reply.
    package static let deadline: StaticString = "triage-deadline"
    /// W3C trace context, echoed on the reply.
    package static let traceparent: StaticString = "traceparent"
    /// W3C trace state, echoed on the reply.
    package static let tracestate: StaticString = "tracestate"

    // MARK: Replies

    /// `ok` or the raw value of an ``ErrorCode``.
    package static let status: StaticString = "triage-status"
    /// `TOPIC/PARTITION/OFFSET` of the request.
    package static let source: StaticString = "triage-source"
    /// The label of a classification, if the worker is told to write it.
    package static let label: StaticString = "triage-label"
    /// The probability of the likeliest class, decimal, if the worker is told to write it.
    package static let confidence: StaticString = "triage-confidence"
    /// Timing breakdown in the format of HTTP's `Server-Timing`; only on replies of the interactive lane.
    package static let timing: StaticString = "triage-timing"

    // MARK: CloudEvents, binary mode

    /// Version of the CloudEvents specification; its presence makes a record a binary-mode CloudEvent.
    package static let eventSpecVersion: StaticString = "ce_specversion"
    /// The event's id.
    package static let eventID: StaticString = "ce_id"
    /// The event's source.
    package static let eventSource: StaticString = "ce_source"
    /// The event's type.
    package static let eventType: StaticString = "ce_type"
    /// When the event happened, RFC 3339.
    package static let eventTime: StaticString = "ce_time"
    /// When the event expires, RFC 3339.
    package static let eventExpiryTime: StaticString = "ce_expirytime"
    /// The id of the request that caused the reply.
    package static let eventCausationID: StaticString = "ce_causationid"

    // MARK: Dead letters (the names of KIP-1191, plus the code)

    /// Topic that the record came from.
    package static let deadLetterTopic: StaticString = "__dlq.errors.topic"
    /// Partition that the record came from, decimal.
    package static let deadLetterPartition: StaticString = "__dlq.errors.partition"
    /// Offset of the record, decimal.
    package static let deadLetterOffset: StaticString = "__dlq.errors.offset"
    /// Consumer group that gave up on the record.
    package static let deadLetterGroup: StaticString = "__dlq.errors.group"
    /// Human-readable reason.
    package static let deadLetterMessage: StaticString = "__dlq.errors.message"
    /// Machine-readable reason: the raw value of an ``ErrorCode``.
    package static let deadLetterCode: StaticString = "__dlq.errors.code"
}

extension HeaderName {
    /// Whether a header of this name has a meaning of its own in requests, replies or dead letters.
    package static func hasMeaning(_ name: UnsafeRawBufferPointer) -> Bool {
        // No list: it would be allocated for each header.
        name.startsIgnoringCase(with: "triage-") || name.startsIgnoringCase(with: "kafka_")
            || name.startsIgnoringCase(with: "ce_") || name.startsIgnoringCase(with: "__dlq.errors.")
            || name.equalsIgnoringCase(contentType) || name.equalsIgnoringCase(traceparent)
            || name.equalsIgnoringCase(tracestate)
    }
}

/// The headers of a request that are copied to its reply, in addition to those that every reply echoes.
package enum CopiedHeaders: Sendable, Hashable {
    case none
    /// All except those with a meaning of their own.
    case all
    /// Those with exactly these names.
    case named([[UInt8]])

    /// Whether a header with this name is copied.
    package func contains(_ name: UnsafeRawBufferPointer) -> Bool {
        switch self {
        case .none: false
        case .all: !HeaderName.hasMeaning(name)
        case .named(let names): names.contains { $0.withUnsafeBytes { $0.equals(name) } }
        }
    }
}

/// Fixed header values.
package enum HeaderValue {
    /// `triage-status` of a reply that holds a classification.
    package static let statusOK: StaticString = "ok"
    /// `ce_type` of a classification.
    package static let classificationType: StaticString = "triage.classification.v1"
    /// `ce_type` of an error reply.
    package static let errorType: StaticString = "triage.error.v1"
    /// `content-type` of JSON requests written by Triage itself, see ``MediaType/ownJSON``.
    package static let ownJSON: StaticString = "application/json; profile=triage"
    /// `content-type` of replies in JSON.
    package static let json: StaticString = "application/json"
    /// `content-type` of replies in Avro.
    package static let avro: StaticString = "avro/binary"
    /// The version of the CloudEvents specification that Triage reads and writes.
    package static let eventSpecVersion: StaticString = "1.0"
}
