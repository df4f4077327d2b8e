package import NIOHTTP1

/// The single mapping from error codes to HTTP.
extension ProblemCode {
    package var status: HTTPResponseStatus { row.status }

    /// A short sentence, the same for every occurrence.
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

    /// How many seconds to wait before a retry; nil if a retry is pointless.
    package var retryAfter: Int? {
        switch self {
        case .overloaded, .unavailable, .modelUnknown: 1
        default: nil
        }
    }
}

/// Every error that a caller can get. The raw value is the problem's `code`. Errors reported by workers keep the
/// workers' names.
package enum ProblemCode: String, CaseIterable, Sendable {
    /// The body is not JSON, or does not have the shape that the route expects.
    case malformedJSON = "malformed_json"
    /// The parameter or field with the sentence is missing.
    case missingText = "missing_text"
    /// The sentence is empty or only whitespace.
    case emptyText = "empty_text"
    /// The sentence is longer than the gateway or the worker allows.
    case textTooLong = "text_too_long"
    /// The sentence is not valid UTF-8.
    case invalidUTF8 = "invalid_utf8"
    /// A parameter, header or field has an invalid value.
    case invalidParameter = "invalid_parameter"
    /// The batch is empty or larger than the gateway allows.
    case batchSize = "batch_size"
    /// The body is larger than the gateway allows.
    case bodyTooLarge = "body_too_large"
    /// The route does not accept the body's content type.
    case unsupportedContentType = "unsupported_content_type"
    /// The key is missing, unknown or revoked.
    case unauthorized = "unauthorized"
    /// There is no such route.
    case notFound = "not_found"
    /// There is no such model, or not in this version.
    case modelNotFound = "model_not_found"
    /// The route exists, but not with this method.
    case methodNotAllowed = "method_not_allowed"
    /// Too many sentences are waiting, or the workers have fallen behind.
    case overloaded = "overloaded"
    /// The gateway is not ready, for example because it has no broker or no reply partition.
    case unavailable = "unavailable"
    /// No worker has answered yet, so the gateway does not know the model.
    case modelUnknown = "model_unknown"
    /// No reply came in time.
    case deadlineExceeded = "deadline_exceeded"
    /// The worker could not classify the sentence.
    case classifierFailed = "classifier_failed"
    /// The workers do not allow this gateway's reply topic.
    case replyTopicNotAllowed = "reply_topic_not_allowed"
    /// The reply was larger than the broker accepts.
    case replyTooLarge = "reply_too_large"
    /// The reply could not be written to this gateway's partition.
    case replyNotDelivered = "reply_not_delivered"
    /// The caller disconnected, so no one reads this.
    case cancelled = "cancelled"
    /// The gateway itself failed.
    case internalError = "internal_error"
}

/// An error of a request or of one of its sentences.
package struct GatewayError: Error, Hashable, Sendable, CustomStringConvertible {
    package let code: ProblemCode
    /// What was wrong this time, for humans. It may quote a short name from the request, such as a tensor's, but never
    /// a sentence.
    package let detail: String

    package init(_ code: ProblemCode, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    package var description: String { "\(code.rawValue): \(detail)" }
}
