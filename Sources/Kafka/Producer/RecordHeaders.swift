import CRdKafka

/// The headers of a record to be sent: a list that is filled, sent, and filled again.
///
/// `Producer.send` takes its contents over and leaves it empty; when `send` throws, the contents stay. Names and values are
/// copied in, so the bytes given need not outlive the call.
package struct RecordHeaders: ~Copyable {
    /// librdkafka's list; made at the first header.
    private(set) var pointer: OpaquePointer?
    private let capacity: Int

    /// No headers yet; `capacity` is how many are expected.
    package init(capacity: Int = 8) { self.capacity = capacity }

    deinit { if let pointer { rd_kafka_headers_destroy(pointer) } }

    /// How many headers there are.
    package var count: Int { pointer.map { rd_kafka_header_cnt($0) } ?? 0 }

    /// Appends a header; a nil value is a null one, which is not an empty one.
    package mutating func append(name: StaticString, value: UnsafeRawBufferPointer?) {
        name.withUTF8Buffer { append(nameBytes: UnsafeRawBufferPointer($0), value: value) }
    }

    /// Appends a header with a value of text.
    package mutating func append(name: StaticString, value: String) {
        var value = value
        value.withUTF8 { append(name: name, value: UnsafeRawBufferPointer($0)) }
    }

    /// Appends a header whose name is given as UTF-8 bytes.
    package mutating func append(nameBytes: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?) {
        // It never returns null: librdkafka aborts without memory.
        let list = pointer ?? rd_kafka_headers_new(capacity)!
        pointer = list
        nameBytes.withMemoryRebound(to: CChar.self) { name in
            _ = rd_kafka_header_add(
                list, name.baseAddress, name.count, value.nonNullStart, value?.count ?? 0)
        }
    }

    /// Throws the contents away.
    package mutating func removeAll() {
        if let pointer { rd_kafka_headers_destroy(pointer) }
        pointer = nil
    }

    /// Replaces the contents by the headers of a record that was read, byte for byte.
    package mutating func copy(of record: ConsumedRecord) {
        removeAll()
        pointer = record.nativeHeaders.map { rd_kafka_headers_copy($0) }
    }

    /// The list now belongs to librdkafka.
    mutating func release() { pointer = nil }
}

extension UnsafeRawBufferPointer? {
    /// Where the bytes start. librdkafka takes a null pointer for a null value, and an empty buffer may have one.
    var nonNullStart: UnsafeRawPointer? {
        guard let self else { return nil }
        return self.baseAddress ?? UnsafeRawPointer(emptyBytes)
    }
}

/// Somewhere to point to when there is nothing to read. Never written, never read.
private nonisolated(unsafe) let emptyBytes = UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1)
