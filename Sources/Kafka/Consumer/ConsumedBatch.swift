import CRdKafka
import Glibc

typealias MessagePointers = UnsafeMutableBufferPointer<UnsafeMutablePointer<rd_kafka_message_t>?>

/// The records returned by one `receive`, in partition order. Their memory is freed when the batch is destroyed.
///
/// Several batches of one consumer may exist at a time, all on the consumer's thread. Records that failed to fetch are
/// left out; their errors go to the consumer's `KafkaLog`.
package struct ConsumedBatch: ~Copyable {
    /// The number of records.
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

    /// Whether there are no records.
    package var isEmpty: Bool { count == 0 }

    /// A view of one record; indices start at 0. Do not keep it longer than the batch.
    package func record(at index: Int) -> ConsumedRecord {
        precondition(index >= 0 && index < count, "a record outside of the batch")
        let message = messages[index]!  // `receive` filled the first `count` elements.
        return ConsumedRecord(message, topic: consumer.topicID(of: message.pointee.rkt))
    }
}

/// A view of a record in librdkafka's memory, valid as long as its `ConsumedBatch`.
///
/// Key, value and headers are borrowed: copy what must live longer. A retained batch pins the whole fetch response.
package struct ConsumedRecord {
    /// The record's topic, as numbered by its consumer.
    package let topic: TopicID
    /// The record's partition.
    package let partition: Int32
    /// The record's offset in the partition.
    package let offset: Int64
    /// Unix time in milliseconds: create time or log append time, depending on the topic; -1 if there is none.
    package let timestampMilliseconds: Int64
    /// The key's bytes; nil for a null key, which differs from an empty one.
    package let key: UnsafeRawBufferPointer?
    /// The value's bytes; nil for a null value (a tombstone), which differs from an empty one.
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

    /// Calls `body` for every header in order, including repeated names. A null value is nil, which differs from an
    /// empty one. librdkafka parses the headers on the first call, so unread headers cost nothing.
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

    /// The message's header list; nil if it has none.
    var nativeHeaders: OpaquePointer? {
        let message = message.assumingMemoryBound(to: rd_kafka_message_t.self)
        var headers: OpaquePointer?
        guard rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        return headers
    }
}

/// A topic's number within one consumer, from 0. Compare and index by it, so that no record needs a `String`.
/// `Consumer.topicName(_:)` returns the name.
package struct TopicID: Hashable, Sendable {
    /// The number, small enough to be an array index.
    package let index: Int
}

/// Assigns numbers to topic names, and finds the number for a librdkafka handle.
struct TopicNames {
    private(set) var names: [String] = []
    private var handles: [(handle: OpaquePointer, id: TopicID)] = []

    /// Call when the assignment changes: librdkafka may then free a handle and reuse its address.
    mutating func forgetHandles() { handles.removeAll(keepingCapacity: true) }

    mutating func id(of handle: OpaquePointer) -> TopicID {
        // A consumer reads few topics, so a scan beats hashing.
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
