/// How often what has happened, in sentences, since the start. Metrics are read off these.
package struct ExchangeCounts: Hashable, Sendable {
    /// Answered from the cache.
    package var hits = 0
    /// Sent to a worker.
    package var misses = 0
    /// Joined to a record that was under way.
    package var coalesced = 0
    /// Turned away by admission.
    package var refused = 0
    /// Calls (not sentences) that ended by their deadline.
    package var expired = 0
    /// Calls (not sentences) whose caller hung up.
    package var cancelled = 0
    /// Records that could not be sent or delivered.
    package var undelivered = 0
    /// Replies that nobody waits for: late ones, repeats, and those of another gateway on the same partition.
    package var unknownReplies = 0
}

/// A reply as it came from the queue.
package struct ReceivedReply: Sendable {
    package let correlationID: CorrelationID
    package let outcome: Outcome
    /// The model that answered; nil for a failure.
    package let model: ModelInformation?

    package init(correlationID: CorrelationID, outcome: Outcome, model: ModelInformation?) {
        self.correlationID = correlationID
        self.outcome = outcome
        self.model = model
    }
}
