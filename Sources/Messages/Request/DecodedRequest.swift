/// What a request's record says: a sentence, or why there is none.
///
/// Bytes are borrowed from the record or from the decoder: valid while record and decoder are, and until the
/// decoder's `reset()`.
public struct DecodedRequest {
    /// A sentence, or why there is none.
    public enum Content {
        /// The sentence, well-formed UTF-8 with something other than white space in it, within the limit.
        case text(UnsafeRawBufferPointer)
        /// Why there is none. The message is one line for people, and quotes nothing of the request.
        case failure(ErrorCode, message: String)
    }

    /// A sentence, or why there is none.
    public var content: Content
    /// The request's own id, UTF-8: `id` of the JSON, else the CloudEvent's. Nil if it has none: then it goes by
    /// ``RecordSource``.
    public var id: UnsafeRawBufferPointer?
    /// Whether the request is a CloudEvent, structured or binary; its reply then is one too.
    public var isCloudEvent: Bool
    /// Unix milliseconds after which nobody waits for the reply.
    public var deadline: Int64?

    /// Puts together what a decoder would have found.
    public init(
        content: Content, id: UnsafeRawBufferPointer? = nil, isCloudEvent: Bool = false, deadline: Int64? = nil
    ) {
        self.content = content
        self.id = id
        self.isCloudEvent = isCloudEvent
        self.deadline = deadline
    }

    /// Whether nobody waits any more at that time, in Unix milliseconds.
    public func isExpired(at now: Int64) -> Bool {
        guard let deadline else { return false }
        return deadline < now
    }
}
