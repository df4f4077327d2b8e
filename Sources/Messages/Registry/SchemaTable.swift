/// A schema registry's framing of a value: a zero byte, the schema's id in four bytes, then the value itself.
package enum SchemaFraming {
    static let length = 5

    /// The schema's id; nil if the value is not framed. No JSON starts with a zero byte.
    package static func schemaID(of value: UnsafeRawBufferPointer) -> UInt32? {
        guard value.count >= length, value[0] == 0 else { return nil }
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

    package init() {}

    /// The number of schemas.
    package var count: Int { schemas.count }

    /// Nil if the schema is not there.
    package subscript(id: UInt32) -> WriterSchema? {
        get { schemas[id] }
        set { schemas[id] = newValue }
    }

    package func removeAll() { schemas.removeAll(keepingCapacity: true) }
}
