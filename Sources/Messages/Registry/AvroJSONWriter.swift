/// Writes a value in Avro's JSON encoding: what is in a union stands in an object of one member with the type's name.
///
/// An enum, which has no numbers outside its symbols, is its symbol; bytes are the code points of the same number; a
/// number that JSON does not have is a string.
struct AvroJSONWriter {
    private var reader: AvroReader
    private let arena: ByteArena
    /// Where the root's members end, and the values of those that have the field's name.
    private(set) var site = FieldSite()
    /// Whether the root is a union's branch that is called as the field is: replacing it would lose the record.
    private(set) var isBranchOfFieldsName = false
    private let field: [UInt8]
    private let maximumBytes: Int

    /// Writes into an empty arena.
    init(
        _ bytes: UnsafeRawBufferPointer, schema: AvroSchema, field: [UInt8], atMost maximumBytes: Int,
        into arena: ByteArena
    ) {
        reader = AvroReader(bytes, schema: schema)
        self.arena = arena
        self.field = field
        self.maximumBytes = maximumBytes
    }

    /// Writes the whole value, which is known to fit its schema.
    mutating func write() throws(AvroError) { try write(reader.schema.root, isRoot: true) }

    private mutating func write(_ node: Int, isRoot: Bool = false) throws(AvroError) {
        guard arena.count <= maximumBytes else {
            throw AvroError(message: "the record takes more than \(maximumBytes) bytes as JSON", code: .replyTooLarge)
        }
        switch reader.schema.nodes[node].kind {
        case .null: arena.append(literal: "null")
        case .boolean: arena.append(literal: try reader.boolean() ? "true" : "false")
        case .int, .long: arena.append(decimal: try reader.long())
        case .float: append(Double(try reader.float()), isFloat: true)
        case .double: append(try reader.double(), isFloat: false)
        case .bytes: append(codePoints: try reader.bytes())
        case .fixed(let size): append(codePoints: try reader.raw(size))
        case .string: arena.append(jsonString: try reader.string())
        case .enumeration(let symbols):
            let symbol = symbols[try reader.index(below: symbols.count, of: "enum")]
            symbol.withUnsafeBytes { _ = arena.append(jsonString: $0) }
        case .union(let branches):
            let branch = branches[try reader.index(below: branches.count, of: "union")]
            if case .null = reader.schema.nodes[branch].kind {
                arena.append(literal: "null")
            } else {
                arena.append(literal: "{")
                let name = reader.schema.nodes[branch].name
                name.withUnsafeBytes { _ = arena.append(jsonString: $0) }
                if isRoot, name == field { isBranchOfFieldsName = true }
                arena.append(literal: ":")
                try write(branch)
                if isRoot { site.end(at: arena.count) }
                arena.append(literal: "}")
            }
        case .record(let fields):
            arena.append(literal: "{")
            for (index, member) in fields.enumerated() {
                if index > 0 { arena.append(literal: ",") }
                member.name.withUnsafeBytes { _ = arena.append(jsonString: $0) }
                arena.append(literal: ":")
                let start = arena.count
                try write(member.type)
                if isRoot {
                    site.end(at: arena.count)
                    if member.name == field { site.replace(start..<arena.count) }
                }
            }
            arena.append(literal: "}")
        case .array(let items):
            arena.append(literal: "[")
            var isFirst = true
            while case let count = try reader.block(), count > 0 {
                for _ in 0..<count {
                    if !isFirst { arena.append(literal: ",") }
                    isFirst = false
                    try write(items)
                }
            }
            arena.append(literal: "]")
        case .map(let values):
            arena.append(literal: "{")
            var isFirst = true
            while case let count = try reader.block(), count > 0 {
                for _ in 0..<count {
                    if !isFirst { arena.append(literal: ",") }
                    isFirst = false
                    let key = try reader.string()
                    arena.append(jsonString: key)
                    arena.append(literal: ":")
                    let start = arena.count
                    try write(values)
                    if isRoot {
                        site.end(at: arena.count)
                        if field.withUnsafeBytes({ $0.equals(key) }) { site.replace(start..<arena.count) }
                    }
                }
            }
            arena.append(literal: "}")
        }
    }

    private func append(codePoints bytes: UnsafeRawBufferPointer) {
        arena.append(literal: "\"")
        for byte in bytes {
            if byte < 0x80 {
                withUnsafeBytes(of: byte) { one in _ = arena.write(atMost: 6) { $0.put(jsonEscaped: one) } }
            } else {
                arena.append(0xC0 | byte >> 6)
                arena.append(0x80 | byte & 0x3F)
            }
        }
        arena.append(literal: "\"")
    }

    private func append(_ value: Double, isFloat: Bool) {
        if value.isNaN {
            arena.append(literal: "\"NaN\"")
        } else if value.isInfinite {
            arena.append(literal: value < 0 ? "\"-Infinity\"" : "\"Infinity\"")
        } else {
            // Swift's shortest form that gives the same number again is JSON too.
            arena.append(text: isFloat ? "\(Float(value))" : "\(value)")
        }
    }
}
