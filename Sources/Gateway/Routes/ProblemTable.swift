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
