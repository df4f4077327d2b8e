/// The position of a record in Kafka. Written as `TOPIC/PARTITION/OFFSET`.
///
/// It identifies a request that has no id of its own, and goes into the header `triage-source` so that consumers can
/// drop the duplicates of at-least-once delivery.
package struct RecordSource {
    /// The topic's name, borrowed. Kafka allows only letters, digits, `.`, `_` and `-` in it.
    package var topic: UnsafeRawBufferPointer
    /// The partition, from 0.
    package var partition: Int32
    /// The offset in the partition, from 0.
    package var offset: Int64

    /// Makes the position of a record.
    package init(topic: UnsafeRawBufferPointer, partition: Int32, offset: Int64) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
    }

    /// The maximum number of bytes that ``write(to:)`` writes.
    var maximumLength: Int { topic.count + 2 + 11 + 20 }

    /// Writes `TOPIC/PARTITION/OFFSET`.
    func write(to cursor: inout ByteCursor) {
        cursor.put(topic)
        cursor.put(UInt8(ascii: "/"))
        cursor.put(decimal: Int64(partition))
        cursor.put(UInt8(ascii: "/"))
        cursor.put(decimal: offset)
    }
}
