package import NIOHTTP1

/// Why a request fails: a status and RFC 9457 problem details.
package struct Problem: Error, Sendable {
    package var status: HTTPResponseStatus
    /// A machine-readable name.
    package var code: String
    /// A short sentence, the same for every occurrence.
    package var title: String
    /// What was wrong this time, for humans. It never contains a sentence.
    package var detail: String
    /// Additional response headers.
    package var headers: [(name: String, value: String)]

    package init(
        _ status: HTTPResponseStatus, _ code: String, title: String, detail: String,
        headers: [(name: String, value: String)] = []
    ) {
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.headers = headers
    }

    /// The media type of problem details.
    package static let contentType = "application/problem+json"
}

/// Problems that the server itself reports, without a route.
extension Problem {
    static func malformed(_ detail: String) -> Problem {
        Problem(.badRequest, "malformed_request", title: "The request is not valid HTTP", detail: detail)
    }

    static let headTooLarge = Problem(
        .requestHeaderFieldsTooLarge, "head_too_large", title: "The request's head is too large",
        detail: "the request line and header fields are larger than the server takes")

    static let unsupportedVersion = Problem(
        .httpVersionNotSupported, "version_not_supported", title: "The HTTP version is not supported",
        detail: "the server speaks HTTP/1.1")

    static let unsupportedTransferCoding = Problem(
        .notImplemented, "transfer_coding_not_supported", title: "The transfer coding is not supported",
        detail: "the only transfer coding taken is chunked; use Content-Encoding: gzip for a compressed body")

    static let unsupportedExpectation = Problem(
        .expectationFailed, "expectation_failed", title: "The expectation cannot be met",
        detail: "the only expectation known is 100-continue")

    package static let unsupportedContentCoding = Problem(
        .unsupportedMediaType, "unsupported_content_encoding", title: "The content coding is not supported",
        detail: "Content-Encoding must be gzip, deflate or identity",
        headers: [("Accept-Encoding", "gzip, deflate")])

    package static let corruptBody = Problem(
        .badRequest, "corrupt_body", title: "The body cannot be decompressed",
        detail: "the body is not what its Content-Encoding says, or was cut short")

    static let notFound = Problem(
        .notFound, "not_found", title: "There is no such route", detail: "no route has this path")

    static func methodNotAllowed(_ allowed: String) -> Problem {
        Problem(
            .methodNotAllowed, "method_not_allowed", title: "The method is not allowed here",
            detail: "this path takes \(allowed)", headers: [("Allow", allowed)])
    }

    package static let bodyTooSlow = Problem(
        .requestTimeout, "request_timeout", title: "The request took too long to arrive",
        detail: "the body did not arrive in time")

    package static let noMemory = Problem(
        .serviceUnavailable, "too_many_bytes", title: "Too many bytes are held",
        detail: "the bodies and responses that other clients have under way fill the memory set aside for them",
        headers: [("Retry-After", "1")])

    static let tooManyConnections = Problem(
        .serviceUnavailable, "too_many_connections", title: "Too many connections are open",
        detail: "the server holds as many connections as it may", headers: [("Retry-After", "1")])

    static let failed = Problem(
        .internalServerError, "internal_error", title: "The server failed",
        detail: "the server failed; its log says why")

    /// The body is larger than `limit` bytes.
    package static func bodyTooLarge(_ limit: Int) -> Problem {
        Problem(
            .payloadTooLarge, "body_too_large", title: "The body is too large",
            detail: "the body may have at most \(limit) bytes")
    }
}
