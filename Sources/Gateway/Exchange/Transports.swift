/// The way to the workers. Kafka's is ``KafkaTransport``; tests have one in memory.
package protocol RequestTransport: Sendable {
    /// Hands the records over without waiting for anything.
    ///
    /// - Returns: the records that could not be handed over, and why. Nothing will come of them. Every other record ends
    ///   in a reply, in a failed delivery, or in silence.
    func send(_ requests: [OutgoingRequest]) -> [(token: Flight.Token, error: GatewayError)]
}

/// One record for the workers.
package struct OutgoingRequest: Sendable {
    /// What the transport names when the record cannot be delivered.
    package let token: Flight.Token
    package let correlationID: CorrelationID
    package let sentence: Sentence
    /// After this moment nobody waits, in Unix milliseconds.
    package let deadline: Int64
    package let trace: CallerTrace?
}

/// The W3C trace context that a caller sent, passed on as it is.
package struct CallerTrace: Hashable, Sendable {
    package let parent: String
    package let state: String?

    package init(parent: String, state: String?) {
        self.parent = parent
        self.state = state
    }
}

/// The way to the bulk lane. Kafka's is ``KafkaBulkTransport``; tests have one in memory.
package protocol BulkTransport: Sendable {
    /// Publishes the records and returns when the broker has all of them.
    ///
    /// - Throws: the first thing that went wrong; some of the records may be published all the same.
    func publish(_ records: [BulkRecord], deadline: Deadline) async throws(GatewayError)
}

/// One sentence for the bulk lane.
package struct BulkRecord: Sendable {
    package let id: String
    package let sentence: Sentence
    /// Sentences with the same key keep their order.
    package let key: String?
    package let trace: CallerTrace?
    /// Unix milliseconds after which nobody wants the reply; nil if there is no such time.
    package let deadline: Int64?

    package init(id: String, sentence: Sentence, key: String?, trace: CallerTrace?, deadline: Int64? = nil) {
        self.id = id
        self.sentence = sentence
        self.key = key
        self.trace = trace
        self.deadline = deadline
    }
}
