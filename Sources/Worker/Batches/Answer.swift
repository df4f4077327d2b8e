package import Messages

/// What becomes of one request of the batch at hand: decided by ``BatchAnswerer``, sent by the lane.
///
/// Borrowed bytes live as long as the batch's records and until the answerer's next ``BatchAnswerer/begin(_:)``.
package struct Answer {
    /// The request's headers, of which some are echoed.
    package var headers: RequestHeaders
    /// What was decoded of it.
    package var request: DecodedRequest
    /// Where it lies.
    package var source: RecordSource
    /// When it was written, Unix milliseconds; negative if unknown.
    package var timestamp: Int64
    /// Which of the allowed reply topics the reply goes to.
    package var topic = 0
    /// Why there is no classification, and for people; `nil` if there is one.
    package var failure: Failure?
    /// The error reply leaves the request's id out, which may be what made a reply too large.
    package var isSmall = false
    /// Where in the batch's arena the reply's value lies.
    package var value: Range<Int> = 0..<0

    /// Why a request has no classification.
    package struct Failure: Hashable, Sendable {
        package var code: ErrorCode
        package var message: String

        package init(_ code: ErrorCode, _ message: String) {
            self.code = code
            self.message = message
        }
    }
}
