package import Messages

/// The outcome of one request in a batch: set by ``BatchAnswerer``, updated when a delivery fails.
///
/// Its borrowed bytes stay valid as long as the batch's records and its decoder's memory.
package struct Answer {
    /// The request's headers that the reply needs.
    package var echoed = EchoedHeaders()
    /// The request's id; `nil` if it has none.
    package var id: UnsafeRawBufferPointer?
    /// Whether the request is a CloudEvent; its reply then is one too.
    package var isCloudEvent = false
    /// The deadline in Unix milliseconds; after it, nobody is waiting for the reply.
    package var deadline: Int64?
    /// The request's topic, partition and offset.
    package var source: RecordSource
    /// The request's record timestamp, Unix milliseconds; negative if unknown.
    package var timestamp: Int64 = -1
    /// The index of the topic of a classification.
    package var topic = 0
    /// Whether the request names its reply topic. Its reply goes there, whatever it says, and is a full one.
    package var isDirected = false
    /// How the reply and the dead letter are sent; holds the failure if there is no classification.
    package var plan = DeliveryPlan()
    /// The range of the reply's value in the batch's arena.
    package var value: Range<Int> = 0..<0

    package init(source: RecordSource) {
        self.source = source
    }

    /// Why a request has no classification.
    package struct Failure: Hashable, Sendable {
        package var code: ErrorCode
        /// Human-readable.
        package var message: String

        package init(_ code: ErrorCode, _ message: String) {
            self.code = code
            self.message = message
        }
    }
}
