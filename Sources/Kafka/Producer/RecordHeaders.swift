import CRdKafka

/// The headers of a record to send. The list can be refilled after sending.
///
/// `Producer.send` consumes the contents and leaves the list empty; when it throws, the contents stay. Names and values
/// are copied, so the bytes need not outlive the call.
package struct RecordHeaders: ~Copyable {
    /// librdkafka's list, created with the first header.
    private(set) var pointer: OpaquePointer?
    private let capacity: Int

    /// Creates an empty list; `capacity` is the expected number of headers.
    package init(capacity: Int = 8) { self.capacity = capacity }

    deinit { if let pointer { rd_kafka_headers_destroy(pointer) } }

    /// The number of headers.
    package var count: Int { pointer.map { rd_kafka_header_cnt($0) } ?? 0 }

    /// Appends a header. A nil value is a null value, which differs from an empty one.
    package mutating func append(name: StaticString, value: UnsafeRawBufferPointer?) {
        name.withUTF8Buffer { append(nameBytes: UnsafeRawBufferPointer($0), value: value) }
    }

    /// Appends a header with a text value.
    package mutating func append(name: StaticString, value: String) {
        var value = value
        value.withUTF8 { append(name: name, value: UnsafeRawBufferPointer($0)) }
    }

    /// Appends a header whose name is given as UTF-8 bytes.
    package mutating func append(nameBytes: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?) {
        // It never returns null: librdkafka aborts when out of memory.
        let list = pointer ?? rd_kafka_headers_new(capacity)!
        pointer = list
        nameBytes.withMemoryRebound(to: CChar.self) { name in
            _ = rd_kafka_header_add(
                list, name.baseAddress, name.count, value.nonNullStart, value?.count ?? 0)
        }
    }

    /// Removes all headers.
    package mutating func removeAll() {
        if let pointer { rd_kafka_headers_destroy(pointer) }
        pointer = nil
    }

    /// Replaces the contents with the headers of a consumed record, byte for byte.
    package mutating func copy(of record: ConsumedRecord) {
        removeAll()
        pointer = record.nativeHeaders.map { rd_kafka_headers_copy($0) }
    }

    /// The list now belongs to librdkafka.
    mutating func release() { pointer = nil }
}

extension UnsafeRawBufferPointer? {
    /// Where the bytes start. librdkafka treats a null pointer as a null value, and an empty buffer may have one.
    var nonNullStart: UnsafeRawPointer? {
        guard let self else { return nil }
        return self.baseAddress ?? UnsafeRawPointer(emptyBytes)
    }
}

/// A valid address for empty values. Never read or written.
private nonisolated(unsafe) let emptyBytes = UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1)
