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
