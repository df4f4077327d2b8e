import CRdKafka

typealias MessagePointers = UnsafeMutableBufferPointer<UnsafeMutablePointer<rd_kafka_message_t>?>

/// The records that one `receive` took, in the order of each partition. Its end gives their memory back.
///
/// Several batches of one consumer may be alive at a time, all on the consumer's thread. Records whose fetch failed are not
/// in it; their errors went to the consumer's `KafkaLog`.
public struct ConsumedBatch: ~Copyable {
    /// How many records there are.
    public let count: Int
    private let messages: MessagePointers
    private let consumer: Consumer

    init(_ messages: MessagePointers, count: Int, consumer: Consumer) {
        self.messages = messages
        self.count = count
        self.consumer = consumer
    }

    deinit {
        for index in 0..<count { rd_kafka_message_destroy(messages[index]) }
        consumer.reuse(messages)
    }

    /// Whether nothing came.
    public var isEmpty: Bool { count == 0 }

    /// A view of one record, from 0. Do not keep it longer than the batch.
    public func record(at index: Int) -> ConsumedRecord {
        precondition(index >= 0 && index < count, "a record outside of the batch")
        let message = messages[index]!  // receive has filled the first `count` places.
        return ConsumedRecord(message, topic: consumer.topicID(of: message.pointee.rkt))
    }
}
