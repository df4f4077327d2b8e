/// A schema registry's framing of a value: a zero byte, the schema's id in four bytes, then the value itself.
package enum SchemaFraming {
    static let length = 5

    /// The schema's id; nil if the value is not framed. No JSON starts with a zero byte.
    package static func schemaID(of value: UnsafeRawBufferPointer) -> UInt32? {
        guard value.count > length, value[0] == 0 else { return nil }
        return UInt32(bigEndian: value.loadUnaligned(fromByteOffset: 1, as: UInt32.self))
    }
}

/// How to read values that were written with one of a registry's schemas.
package enum WriterSchema: Sendable {
    case avro(AvroSchema)
    case json
    /// Not readable; the message says why.
    case refused(String)
    /// The registry has no such schema.
    case unknown
}

/// The schemas of a registry that one thread needs, so that it need not share a lock for each record. Not thread-safe.
package final class SchemaTable {
    private var schemas: [UInt32: WriterSchema] = [:]
    private let capacity: Int

    /// - Parameter capacity: the most schemas kept. Over it all are given up: they are asked for again.
    package init(capacity: Int = 1_000) { self.capacity = capacity }

    package subscript(id: UInt32) -> WriterSchema? { schemas[id] }

    package func add(_ schema: WriterSchema, id: UInt32) {
        if schemas.count >= capacity { schemas.removeAll(keepingCapacity: true) }
        schemas[id] = schema
    }

    package func remove(_ id: UInt32) { schemas[id] = nil }
}
