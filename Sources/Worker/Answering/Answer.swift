package import Messages

/// What becomes of one request of a batch: decided by ``BatchAnswerer``, changed when something could not be delivered.
///
/// What it borrows lives as long as the batch's records and its decoder's memory.
package struct Answer {
    /// The request's headers that the reply needs.
    package var echoed = EchoedHeaders()
    /// The request's own id; `nil` if it has none.
    package var id: UnsafeRawBufferPointer?
    /// Whether the request is a CloudEvent; its reply then is one too.
    package var isCloudEvent = false
    /// Unix milliseconds after which nobody waits for the reply.
    package var deadline: Int64?
    /// Where the request lies.
    package var source: RecordSource
    /// When the request was written, Unix milliseconds; negative if unknown.
    package var timestamp: Int64 = -1
    /// Which of the allowed reply topics the reply goes to.
    package var topic = 0
    /// How reply and dead letter are sent, and why there is no classification if there is none.
    package var plan = DeliveryPlan()
    /// Where in the batch's arena the reply's value lies.
    package var value: Range<Int> = 0..<0

    package init(source: RecordSource) {
        self.source = source
    }

    /// Why a request has no classification.
    package struct Failure: Hashable, Sendable {
        package var code: ErrorCode
        /// For people.
        package var message: String

        package init(_ code: ErrorCode, _ message: String) {
            self.code = code
            self.message = message
        }
    }
}
