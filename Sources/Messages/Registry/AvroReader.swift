/// Why a value does not fit its Avro schema, and where.
struct AvroError: Error {
    let message: String
    var code = ErrorCode.malformedAvro
}

/// Reads a value in Avro's binary encoding, in place. Everything is checked, whatever is looked for; strings are borrowed.
struct AvroReader {
    /// The most levels of records, arrays, maps and unions within each other; as in JSON.
    private static let maximumDepth = JSONReader.defaultMaximumDepth
    /// The most values within a value that has few bytes: some types take none.
    private static let valuesWithoutBytes = 65_536
    /// And this many for each byte: a byte can stand for a union, its branch, and what is in that.
    private static let valuesForByte = 8

    let schema: AvroSchema
    private let base: UnsafeRawPointer
    private let end: Int
    private var position = 0
    private var depth = 0
    private var values = 0

    init(_ bytes: UnsafeRawBufferPointer, schema: AvroSchema) {
        self.schema = schema
        // The fallback pointer is never read: the input is then empty.
        base = bytes.baseAddress ?? UnsafeRawPointer(StaticString("").utf8Start)
        end = bytes.count
    }

    // MARK: Primitive values

    mutating func boolean() throws(AvroError) -> Bool {
        switch try byte() {
        case 0: return false
        case 1: return true
        default: throw AvroError(message: "expected a boolean at byte \(position - 1)")
        }
    }

    /// An int or a long.
    mutating func long(isInt: Bool = false) throws(AvroError) -> Int64 {
        let start = position
        var bits: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try byte()
            guard shift < 63 || byte <= 1 else { throw AvroError(message: "the number at byte \(start) is too long") }
            bits |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { break }
            shift += 7
        }
        let value = Int64(bitPattern: bits >> 1) ^ -Int64(bitPattern: bits & 1)
        guard !isInt || Int32(exactly: value) != nil else {
            throw AvroError(message: "the number at byte \(start) is too large for an int")
        }
        return value
    }

    mutating func float() throws(AvroError) -> Float {
        let bytes = try raw(4)
        return Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)))
    }

    mutating func double() throws(AvroError) -> Double {
        let bytes = try raw(8)
        return Double(bitPattern: UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)))
    }

    /// The UTF-8 of a string, well-formed.
    mutating func string() throws(AvroError) -> UnsafeRawBufferPointer {
        let start = position
        let bytes = try bytes()
        guard UTF8Validation.isValid(bytes) else {
            throw AvroError(message: "the string at byte \(start) is not UTF-8", code: .invalidUTF8)
        }
        return bytes
    }

    mutating func bytes() throws(AvroError) -> UnsafeRawBufferPointer {
        let start = position
        let count = try long()
        guard count >= 0 else { throw AvroError(message: "the length at byte \(start) is negative") }
        return try raw(Int(count))
    }

    mutating func raw(_ count: Int) throws(AvroError) -> UnsafeRawBufferPointer {
        guard count <= end - position else { throw AvroError(message: "the value ends too early, at byte \(end)") }
        defer { position += count }
        return UnsafeRawBufferPointer(start: base + position, count: count)
    }

    private mutating func byte() throws(AvroError) -> UInt8 {
        guard position < end else { throw AvroError(message: "the value ends too early, at byte \(end)") }
        defer { position += 1 }
        return base.load(fromByteOffset: position, as: UInt8.self)
    }

    /// The branch of a union, or the symbol of an enum.
    mutating func index(below count: Int, of kind: StaticString) throws(AvroError) -> Int {
        let start = position
        let index = try long()
        guard 0..<Int64(count) ~= index else {
            throw AvroError(message: "the \(kind) at byte \(start) has no number \(index)")
        }
        return Int(index)
    }

    // MARK: Nested values

    /// Enters a record, an array, a map or a union.
    mutating func enter() throws(AvroError) {
        guard depth < Self.maximumDepth else { throw AvroError(message: "nested too deeply at byte \(position)") }
        depth += 1
    }

    mutating func leave() { depth -= 1 }

    /// The number of items in the next block of an array or a map; 0 at its end.
    mutating func block() throws(AvroError) -> Int {
        let start = position
        var count = try long()
        if count < 0 {
            // Its size in bytes follows, for readers that skip it.
            guard count != .min else { throw AvroError(message: "the count at byte \(start) is too large") }
            count = -count
            _ = try long()
        }
        guard count <= maximumValues else { throw AvroError(message: "the count at byte \(start) is too large") }
        return Int(count)
    }

    private var maximumValues: Int { Self.valuesWithoutBytes + Self.valuesForByte * end }

    /// Counts a value that is read, so that none takes longer than its bytes.
    mutating func count() throws(AvroError) {
        values += 1
        guard values <= maximumValues else { throw AvroError(message: "too many values before byte \(position)") }
    }

    /// Reads a value of this type and drops it.
    mutating func skip(_ node: Int) throws(AvroError) {
        try count()
        switch schema.nodes[node].kind {
        case .null: break
        case .boolean: _ = try boolean()
        case .int: _ = try long(isInt: true)
        case .long: _ = try long()
        case .float: _ = try raw(4)
        case .double: _ = try raw(8)
        case .bytes: _ = try bytes()
        case .string: _ = try string()
        case .fixed(let size): _ = try raw(size)
        case .enumeration(let symbols): _ = try index(below: symbols.count, of: "enum")
        case .record(let fields):
            try enter()
            for field in fields { try skip(field.type) }
            leave()
        case .array(let items):
            try enter()
            while case let count = try block(), count > 0 { for _ in 0..<count { try skip(items) } }
            leave()
        case .map(let values):
            try enter()
            while case let count = try block(), count > 0 {
                for _ in 0..<count {
                    _ = try string()
                    try skip(values)
                }
            }
            leave()
        case .union(let branches):
            try enter()
            try skip(branches[try index(below: branches.count, of: "union")])
            leave()
        }
    }

    /// Checks that nothing follows.
    func finish() throws(AvroError) {
        guard position == end else {
            throw AvroError(message: "\(end - position) bytes follow the value, which ends at byte \(position)")
        }
    }
}

extension FoundFields {
    /// Reads a whole value in Avro's binary encoding. Unions are transparent: a pointer leads to the field of the branch
    /// that is there. Numbers are written into the scratch memory.
    mutating func read(_ reader: inout AvroReader, scratch: ScratchArena) throws(AvroError) {
        forget()
        try read(reader.schema.root, at: 0, &reader, scratch)
        try reader.finish()
    }

    private mutating func read(
        _ node: Int, at place: Int, _ reader: inout AvroReader, _ scratch: ScratchArena
    ) throws(AvroError) {
        try reader.count()
        switch reader.schema.nodes[node].kind {
        case .null:
            break
        case .string:
            set(.string(try reader.string()), at: place)
        case .int:
            set(.number(Self.decimal(try reader.long(isInt: true), scratch)), at: place)
        case .long:
            set(.number(Self.decimal(try reader.long(), scratch)), at: place)
        case .enumeration(let symbols):
            let symbol = symbols[try reader.index(below: symbols.count, of: "enum")]
            set(.string(Self.copy(symbol, scratch)), at: place)
        case .union(let branches):
            try reader.enter()
            try read(branches[try reader.index(below: branches.count, of: "union")], at: place, &reader, scratch)
            reader.leave()
        case .record(let fields):
            try reader.enter()
            for field in fields {
                let child = field.name.withUnsafeBytes { tree.child(of: place, field: $0) }
                if let child {
                    try read(field.type, at: child, &reader, scratch)
                } else {
                    try reader.skip(field.type)
                }
            }
            reader.leave()
            if tree.nodes[place].children.isEmpty { set(.other, at: place) }
        case .array(let items):
            try reader.enter()
            var index = 0
            while case let count = try reader.block(), count > 0 {
                for _ in 0..<count {
                    if let child = tree.child(of: place, element: index) {
                        try read(items, at: child, &reader, scratch)
                    } else {
                        try reader.skip(items)
                    }
                    index += 1
                }
            }
            reader.leave()
            if !tree.nodes[place].hasIndexes { set(.other, at: place) }
        case .map(let values):
            try reader.enter()
            while case let count = try reader.block(), count > 0 {
                for _ in 0..<count {
                    if let child = tree.child(of: place, field: try reader.string()) {
                        forget(below: child)
                        try read(values, at: child, &reader, scratch)
                    } else {
                        try reader.skip(values)
                    }
                }
            }
            reader.leave()
            if tree.nodes[place].children.isEmpty { set(.other, at: place) }
        case .float:
            set(Self.number("\(try reader.float())", scratch), at: place)
        case .double:
            set(Self.number("\(try reader.double())", scratch), at: place)
        case .boolean, .bytes, .fixed:
            try reader.skip(node)
            set(.other, at: place)
        }
    }

    /// A floating-point number in its shortest form, unless it is none of JSON's.
    private static func number(_ text: String, _ scratch: ScratchArena) -> Value {
        text.utf8.contains { $0 == UInt8(ascii: "n") } ? .other : .number(copy(Array(text.utf8), scratch))
    }

    private static func decimal(_ value: Int64, _ scratch: ScratchArena) -> UnsafeRawBufferPointer {
        let target = scratch.allocate(20)
        var cursor = ByteCursor(target)
        cursor.put(decimal: value)
        return UnsafeRawBufferPointer(start: target, count: cursor.position - target)
    }

    private static func copy(_ bytes: [UInt8], _ scratch: ScratchArena) -> UnsafeRawBufferPointer {
        let target = scratch.allocate(bytes.count)
        bytes.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { target.copyMemory(from: start, byteCount: bytes.count) }
        }
        return UnsafeRawBufferPointer(start: target, count: bytes.count)
    }
}
