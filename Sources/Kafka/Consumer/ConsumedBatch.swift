import CRdKafka
import Glibc

typealias MessagePointers = UnsafeMutableBufferPointer<UnsafeMutablePointer<rd_kafka_message_t>?>

/// The records that one `receive` took, in the order of each partition. Its end gives their memory back.
///
/// Several batches of one consumer may be alive at a time, all on the consumer's thread. Records whose fetch failed are not
/// in it; their errors went to the consumer's `KafkaLog`.
package struct ConsumedBatch: ~Copyable {
    /// How many records there are.
    package let count: Int
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
    package var isEmpty: Bool { count == 0 }

    /// A view of one record, from 0. Do not keep it longer than the batch.
    package func record(at index: Int) -> ConsumedRecord {
        precondition(index >= 0 && index < count, "a record outside of the batch")
        let message = messages[index]!  // receive has filled the first `count` places.
        return ConsumedRecord(message, topic: consumer.topicID(of: message.pointee.rkt))
    }
}

/// A record as it lies in librdkafka's memory: a view that is valid as long as its `ConsumedBatch`.
///
/// Key, value and headers are borrowed, so copy what must live longer. A kept batch pins the whole fetched response.

package struct ConsumedRecord {
    /// The record's topic, as its consumer numbers it.
    package let topic: TopicID
    /// The record's partition.
    package let partition: Int32
    /// The record's place in the partition.
    package let offset: Int64
    /// Unix time in milliseconds, the producer's or the broker's as the topic is set up; -1 where there is none.
    package let timestampMilliseconds: Int64
    /// The key's bytes; nil for a null key, which is not an empty one.
    package let key: UnsafeRawBufferPointer?
    /// The value's bytes; nil for a null value (a tombstone), which is not an empty one.
    package let value: UnsafeRawBufferPointer?
    @usableFromInline let message: UnsafeMutableRawPointer

    init(_ message: UnsafeMutablePointer<rd_kafka_message_t>, topic: TopicID) {
        self.topic = topic
        partition = message.pointee.partition
        offset = message.pointee.offset
        var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        timestampMilliseconds = rd_kafka_message_timestamp(message, &kind)
        key = message.pointee.key.map { UnsafeRawBufferPointer(start: $0, count: message.pointee.key_len) }
        value = message.pointee.payload.map { UnsafeRawBufferPointer(start: $0, count: message.pointee.len) }
        self.message = UnsafeMutableRawPointer(message)
    }

    /// Calls `body` for every header in order, repeated names included; a null value is nil, which is not an empty one.
    /// librdkafka parses them at the first call, so that a record whose headers nobody asks for costs nothing.
    package func forEachHeader(_ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) -> Void) {
        guard let headers = nativeHeaders else { return }
        var index = 0
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var size = 0
        while rd_kafka_header_get_all(headers, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR {
            guard let name else { break }
            body(
                UnsafeRawBufferPointer(start: name, count: strlen(name)),
                value.map { UnsafeRawBufferPointer(start: $0, count: size) })
            index += 1
        }
    }

    /// The message's own list of headers; nil if it has none.
    var nativeHeaders: OpaquePointer? {
        let message = message.assumingMemoryBound(to: rd_kafka_message_t.self)
        var headers: OpaquePointer?
        guard rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        return headers
    }
}

/// A topic as one consumer numbers it, from 0: compare and index by it, so that no record needs a `String`.
/// `Consumer.topicName(_:)` has the name.
package struct TopicID: Hashable, Sendable {
    /// The number, small enough to index an array.
    package let index: Int
}

/// Numbers topics by their names, and finds the number by librdkafka's handle.
struct TopicNames {
    private(set) var names: [String] = []
    private var handles: [(handle: OpaquePointer, id: TopicID)] = []

    /// Call when the assignment changes: librdkafka may then free a handle and use its address again.
    mutating func forgetHandles() { handles.removeAll(keepingCapacity: true) }

    mutating func id(of handle: OpaquePointer) -> TopicID {
        // A consumer reads a handful of topics, so a scan beats hashing.
        for known in handles where known.handle == handle { return known.id }
        let id = self.id(of: String(cString: rd_kafka_topic_name(handle)))
        handles.append((handle, id))
        return id
    }

    mutating func id(of name: String) -> TopicID {
        if let index = names.firstIndex(of: name) { return TopicID(index: index) }
        names.append(name)
        return TopicID(index: names.count - 1)
    }
}
