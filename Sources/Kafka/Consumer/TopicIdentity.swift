import CRdKafka

/// Detects that a topic was deleted and recreated under the same name.
///
/// librdkafka detects it too, but keeps its old position (up to at least 2.16, issue 3255), so earlier records in the
/// new topic are never read. Brokers tell such topics apart by topic id, which Apache Kafka has since 2.8; without ids
/// no change is detected. Owned by the consumer's thread.
package final class TopicIdentity {
    private struct ID: Equatable {
        var most: Int64 = 0
        var least: Int64 = 0
    }

    /// How long to wait for an answer before asking again.
    private static let patience = Duration.seconds(5)

    private let client: NativeClient
    private let topic: String
    private let queue: OpaquePointer
    /// The last id is the current one; a broker that lags behind may still return an earlier one.
    private var known: [ID] = []
    private var isAsking = false

    /// Watches a topic over this consumer's connections. Nothing is sent before the first ``hasChanged()``.
    package init(of topic: String, for consumer: Consumer) {
        client = consumer.client
        self.topic = topic
        queue = rd_kafka_queue_new(client.pointer)
    }

    deinit { rd_kafka_queue_destroy(queue) }

    /// Whether the topic was recreated since the last call. Reads the answer to the previous request and sends a new
    /// one. Does not block, so call it regularly.
    package func hasChanged() -> Bool {
        var hasChanged = false
        if let event = rd_kafka_queue_poll(queue, 0) {
            var id = ID()
            triage_topic_id(event, &id.most, &id.least)
            rd_kafka_event_destroy(event)
            isAsking = false
            // A deleted topic may be recreated with a new id.
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
