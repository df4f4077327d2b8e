/// Sends requests to the workers. ``KafkaTransport`` in production, an in-memory one in tests.
package protocol RequestTransport: Sendable {
    /// Enqueues the records without blocking.
    ///
    /// - Returns: the records that could not be enqueued, and why. Every other record ends in a reply, in a failed
    ///   delivery, or without any report.
    func send(_ requests: [OutgoingRequest]) -> [(token: Flight.Token, error: GatewayError)]
}

/// One record to the workers.
package struct OutgoingRequest: Sendable {
    /// Identifies the record in a delivery failure.
    package let token: Flight.Token
    package let correlationID: CorrelationID
    package let sentence: Sentence
    /// When the caller stops waiting, in Unix milliseconds.
    package let deadline: Int64
    package let trace: CallerTrace?
}

/// The caller's W3C trace context, forwarded unchanged.
package struct CallerTrace: Hashable, Sendable {
    package let parent: String
    package let state: String?

    package init(parent: String, state: String?) {
        self.parent = parent
        self.state = state
    }
}

/// Publishes to the bulk lane. ``KafkaBulkTransport`` in production, an in-memory one in tests.
package protocol BulkTransport: Sendable {
    /// Publishes the records and returns when the broker has acknowledged all of them.
    ///
    /// - Throws: the first failure. Some of the records may have been published.
    func publish(_ records: [BulkRecord], deadline: Deadline) async throws(GatewayError)
}

/// One sentence for the bulk lane.
package struct BulkRecord: Sendable {
    package let id: String
    package let sentence: Sentence
    /// Sentences with the same key stay in order.
    package let key: String?
    package let trace: CallerTrace?
    /// When the reply is no longer wanted, in Unix milliseconds; nil if it always is.
    package let deadline: Int64?

    package init(id: String, sentence: Sentence, key: String?, trace: CallerTrace?, deadline: Int64? = nil) {
        self.id = id
        self.sentence = sentence
        self.key = key
        self.trace = trace
        self.deadline = deadline
    }
}
