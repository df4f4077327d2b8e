package import NIOHTTP1

/// The one table from what went wrong to what HTTP says about it.
extension ProblemCode {
    package var status: HTTPResponseStatus { row.status }

    /// A short sentence that is the same for every occurrence.
    package var title: String { row.title }

    private var row: (status: HTTPResponseStatus, title: String) {
        switch self {
        case .malformedJSON: (.badRequest, "The body is not the JSON that this route takes")
        case .missingText: (.unprocessableEntity, "The sentence is missing")
        case .emptyText: (.unprocessableEntity, "The sentence is empty")
        case .textTooLong: (.payloadTooLarge, "The sentence is too long")
        case .invalidUTF8: (.badRequest, "The sentence is not valid UTF-8")
        case .invalidParameter: (.badRequest, "A parameter has an invalid value")
        case .batchSize: (.unprocessableEntity, "The number of sentences is not allowed")
        case .bodyTooLarge: (.payloadTooLarge, "The body is too large")
        case .unsupportedContentType: (.unsupportedMediaType, "The content type is not supported")
        case .unauthorized: (.unauthorized, "A valid API key is needed")
        case .notFound: (.notFound, "There is no such route")
        case .modelNotFound: (.notFound, "There is no such model")
        case .methodNotAllowed: (.methodNotAllowed, "The method is not allowed here")
        case .overloaded: (.tooManyRequests, "Too many sentences are waiting")
        case .unavailable: (.serviceUnavailable, "The queue cannot be reached")
        case .modelUnknown: (.serviceUnavailable, "No worker has answered yet")
        case .deadlineExceeded: (.gatewayTimeout, "No reply came in time")
        case .classifierFailed: (.badGateway, "The worker could not classify the sentence")
        case .replyTopicNotAllowed: (.badGateway, "The workers do not answer to this gateway's topic")
        case .replyTooLarge: (.badGateway, "The reply was too large for the queue")
        case .replyNotDelivered: (.badGateway, "The reply could not be written to the queue")
        case .cancelled: (.custom(code: 499, reasonPhrase: "Client Closed Request"), "The caller hung up")
        case .internalError: (.internalServerError, "The gateway failed")
        }
    }

    /// How long a caller should wait before it tries again, in seconds; nil when trying again is no use.
    package var retryAfter: Int? {
        switch self {
        case .overloaded, .unavailable, .modelUnknown: 1
        default: nil
        }
    }
}

/// Everything that can go wrong for a caller. The raw value stands in the problem's `code`; those that a worker reports
/// have the worker's own names.
package enum ProblemCode: String, CaseIterable, Sendable {
    /// The body is not JSON, or not of the shape that the route takes.
    case malformedJSON = "malformed_json"
    /// The parameter or field with the sentence is missing.
    case missingText = "missing_text"
    /// The sentence is empty or white space.
    case emptyText = "empty_text"
    /// The sentence is longer than the gateway or the worker allows.
    case textTooLong = "text_too_long"
    /// The sentence is not valid UTF-8.
    case invalidUTF8 = "invalid_utf8"
    /// A parameter, header or field has a value that it cannot have.
    case invalidParameter = "invalid_parameter"
    /// The batch has no sentence, or more than the gateway allows.
    case batchSize = "batch_size"
    /// The body is larger than the gateway allows.
    case bodyTooLarge = "body_too_large"
    /// The body's content type is not one that the route takes.
    case unsupportedContentType = "unsupported_content_type"
    /// The key is missing, unknown or revoked.
    case unauthorized = "unauthorized"
    /// There is no such route.
    case notFound = "not_found"
    /// There is no such model, or it has another version.
    case modelNotFound = "model_not_found"
    /// The route exists, but not with this method.
    case methodNotAllowed = "method_not_allowed"
    /// The gateway holds as many sentences as it may, or its workers fall behind.
    case overloaded = "overloaded"
    /// The gateway has no broker, or does not hold its reply partition.
    case unavailable = "unavailable"
    /// No worker has answered yet, so the gateway does not know the model.
    case modelUnknown = "model_unknown"
    /// No reply came in time.
    case deadlineExceeded = "deadline_exceeded"
    /// The worker could not classify the sentence.
    case classifierFailed = "classifier_failed"
    /// The workers do not allow this gateway's reply topic.
    case replyTopicNotAllowed = "reply_topic_not_allowed"
    /// The reply was larger than the broker takes.
    case replyTooLarge = "reply_too_large"
    /// The reply could not be written to this gateway's partition.
    case replyNotDelivered = "reply_not_delivered"
    /// The caller hung up; nobody reads this.
    case cancelled = "cancelled"
    /// The gateway itself failed.
    case internalError = "internal_error"
}

/// What went wrong with a request or with one of its sentences.
package struct GatewayError: Error, Hashable, Sendable, CustomStringConvertible {
    package let code: ProblemCode
    /// What was wrong this time, for a person to read. Of what was sent it holds at
    /// most a name, such as a tensor's, and never a sentence.
    package let detail: String

    package init(_ code: ProblemCode, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    package var description: String { "\(code.rawValue): \(detail)" }
}
