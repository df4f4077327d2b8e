import CRdKafka

/// Notices that a topic was deleted and another was made under its name.
///
/// librdkafka notices it too, and reads on where it was (up to 2.16 at least, its issue 3255): what lies before that
/// in the new topic nobody would read. The brokers tell topics of one name apart by an id, which Apache Kafka has
/// since 2.8; without it no change is ever seen. Owned by the consumer's thread.
package final class TopicIdentity {
    private struct ID: Equatable {
        var most: Int64 = 0
        var least: Int64 = 0
    }

    /// After that a question that has no answer is asked again.
    private static let patience = Duration.seconds(5)

    private let client: NativeClient
    private let topic: String
    private let queue: OpaquePointer
    /// The last one is the topic's; a broker that lags behind the others may tell an earlier one again.
    private var known: [ID] = []
    private var isAsking = false

    /// Watches a topic with this consumer's connections. Nothing is asked before the first ``hasChanged()``.
    package init(of topic: String, for consumer: Consumer) {
        client = consumer.client
        self.topic = topic
        queue = rd_kafka_queue_new(client.pointer)
    }

    deinit { rd_kafka_queue_destroy(queue) }

    /// Whether the name has come to mean another topic since the last call. Takes the answer to the question before
    /// and asks anew; waits for nothing, so call it once in a while.
    package func hasChanged() -> Bool {
        var hasChanged = false
        if let event = rd_kafka_queue_poll(queue, 0) {
            var id = ID()
            triage_topic_id(event, &id.most, &id.least)
            rd_kafka_event_destroy(event)
            isAsking = false
            // One that is gone may come back as another.
            if id != ID(), !known.contains(id) {
                hasChanged = !known.isEmpty
                known.append(id)
            }
        }
        if !isAsking {
            triage_ask_topic_id(client.pointer, topic, Self.patience.nativeMilliseconds, queue)
            isAsking = true
        }
        return hasChanged
    }
}
