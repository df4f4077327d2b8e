/// Why a request could not be answered with a classification.
///
/// The raw value is what is sent: in `error.code` of an error reply, in the header `triage-status`, and in
/// `__dlq.errors.code` of a dead letter. Codes are never renamed or reused (see `schemas/README.md`).
package enum ErrorCode: String, CaseIterable, Sendable {
    /// The value is not JSON, or not a JSON object of the documented shape.
    case malformedJSON = "malformed_json"
    /// The record has no value, or its object has no string in `text`.
    case missingText = "missing_text"
    /// The sentence has no characters other than white space.
    case emptyText = "empty_text"
    /// The sentence is longer than the worker accepts (8,192 UTF-8 bytes unless configured otherwise).
    case textTooLong = "text_too_long"
    /// The value is not UTF-8.
    case invalidUTF8 = "invalid_utf8"
    /// The header `content-type`, or a CloudEvent's `datacontenttype` or `specversion`, is not supported.
    case unsupportedContentType = "unsupported_content_type"
    /// The value is Avro that does not fit the schema that it was written with.
    case malformedAvro = "malformed_avro"
    /// The schema registry does not know the schema that the value was written with.
    case unknownSchema = "unknown_schema"
    /// The header `kafka_replyTopic` names a topic that is not on the worker's allow-list.
    case replyTopicNotAllowed = "reply_topic_not_allowed"
    /// The request's deadline passed before it could be classified; nobody waits for the reply.
    case deadlineExceeded = "deadline_exceeded"
    /// The classifier failed on this sentence.
    case classifierFailed = "classifier_failed"
    /// The classification is larger than the broker accepts in one record.
    case replyTooLarge = "reply_too_large"
    /// The reply could not be written to its destination, such as a partition that does not exist.
    case replyNotDelivered = "reply_not_delivered"

    /// The code whose raw value is these bytes.
    package init?(bytes: UnsafeRawBufferPointer) {
        for code in ErrorCode.allCases where bytes.equals(code.bytes) {
            self = code
            return
        }
        return nil
    }

    /// The raw value as bytes, without allocation.
    package var bytes: StaticString {
        switch self {
        case .malformedJSON: "malformed_json"
        case .missingText: "missing_text"
        case .emptyText: "empty_text"
        case .textTooLong: "text_too_long"
        case .invalidUTF8: "invalid_utf8"
        case .unsupportedContentType: "unsupported_content_type"
        case .malformedAvro: "malformed_avro"
        case .unknownSchema: "unknown_schema"
        case .replyTopicNotAllowed: "reply_topic_not_allowed"
        case .deadlineExceeded: "deadline_exceeded"
        case .classifierFailed: "classifier_failed"
        case .replyTooLarge: "reply_too_large"
        case .replyNotDelivered: "reply_not_delivered"
        }
    }

    /// Whether requests with this error go to the dead-letter topic. All but expired ones do: nobody waits for those.
    package var isDeadLettered: Bool { self != .deadlineExceeded }

    /// Whether the record itself is at fault: it would fail again on every retry, however the workers are configured.
    package var isOfRecord: Bool {
        switch self {
        case .malformedJSON, .missingText, .emptyText, .invalidUTF8, .unsupportedContentType, .malformedAvro: true
        case .textTooLong, .unknownSchema, .replyTopicNotAllowed, .deadlineExceeded, .classifierFailed, .replyTooLarge,
            .replyNotDelivered:
            false
        }
    }
}
