import CRdKafka
import Glibc

/// A record as it lies in librdkafka's memory: a view that is valid as long as its `ConsumedBatch`.
///
/// Key, value and headers are borrowed, so copy what must live longer. A kept batch pins the whole fetched response.
@frozen
public struct ConsumedRecord {
    /// The record's topic, as its consumer numbers it.
    public let topic: TopicID
    /// The record's partition.
    public let partition: Int32
    /// The record's place in the partition.
    public let offset: Int64
    /// Unix time in milliseconds, the producer's or the broker's as the topic is set up; -1 where there is none.
    public let timestampMilliseconds: Int64
    /// The key's bytes; nil for a null key, which is not an empty one.
    public let key: UnsafeRawBufferPointer?
    /// The value's bytes; nil for a null value (a tombstone), which is not an empty one.
    public let value: UnsafeRawBufferPointer?
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
    public func forEachHeader(_ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) -> Void) {
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
