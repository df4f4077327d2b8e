/// Where a record lies in Kafka. Written as `TOPIC/PARTITION/OFFSET`.
///
/// It names a request that has no id of its own, and goes into the header `triage-source` so that a consumer can drop
/// the repeats of at-least-once delivery.
package struct RecordSource {
    /// The topic's name. Kafka allows only letters, digits, `.`, `_` and `-` in it. Borrowed.
    package var topic: UnsafeRawBufferPointer
    /// The partition, from 0.
    package var partition: Int32
    /// The offset in the partition, from 0.
    package var offset: Int64

    /// Names a record by its topic, partition and offset.
    package init(topic: UnsafeRawBufferPointer, partition: Int32, offset: Int64) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
    }

    /// The most bytes that ``write(to:)`` needs.
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
