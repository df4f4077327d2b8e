/// A parsed Avro schema (Avro 1.11). Named types may refer to each other and to themselves.
///
/// Read here and not by Avro's C library, which a value of a recursive schema makes overflow its stack, and which
/// copies every string of every record.
package struct AvroSchema: Sendable {
    enum Kind: Sendable {
        case null, boolean, int, long, float, double, bytes, string
        case record([Field])
        /// The names of the symbols.
        case enumeration([[UInt8]])
        case array(items: Int)
        case map(values: Int)
        case union([Int])
        case fixed(size: Int)
    }

    struct Field: Sendable {
        let name: [UInt8]
        let type: Int
    }

    struct Node: Sendable {
        var kind: Kind
        /// What a union's branch is called in Avro's JSON encoding: the name of the primitive type, or the full name.
        let name: [UInt8]
    }

    private(set) var nodes: [Node] = []
    private(set) var root = 0

    /// Why a schema cannot be used; one human-readable line.
    package struct Failure: Error, Hashable, CustomStringConvertible {
        package let description: String
    }

    /// Parses a schema.
    ///
    /// - Parameters:
    ///   - text: the schema, JSON.
    ///   - references: the schemas that it refers to by name, those first that others need.
    package init(_ text: String, references: [String] = []) throws(Failure) {
        var parser = AvroSchemaParser()
        for reference in references { _ = try parser.parse(reference) }
        root = try parser.parse(text)
        nodes = parser.nodes
    }

    /// Pointers to the strings of a record, the first ones of them; for messages.
    func stringPlaces(maximum: Int = 8) -> [String] {
        var places: [String] = []
        func gather(_ node: Int, below pointer: String, depth: Int) {
            guard places.count < maximum else { return }
            switch nodes[node].kind {
            case .string: if !pointer.isEmpty { places.append(pointer) }
            case .record(let fields) where depth < 4:
                for field in fields {
                    let name = field.name.withUnsafeBytes { JSONPointer.escaped($0) }
                    gather(field.type, below: pointer + "/" + name, depth: depth + 1)
                }
            case .union(let branches):
                if let branch = branches.first(where: { if case .null = nodes[$0].kind { false } else { true } }) {
                    gather(branch, below: pointer, depth: depth + 1)
                }
            default: break
            }
        }
        gather(root, below: "", depth: 0)
        return places
    }
}

/// Reads schemas from JSON; keeps the named types from one to the next.
private struct AvroSchemaParser {
    private(set) var nodes: [AvroSchema.Node] = []
    private var named: [String: Int] = [:]
    private let scratch = ScratchArena()

    typealias Failure = AvroSchema.Failure

    private static let primitives: [(name: String, kind: AvroSchema.Kind)] = [
        ("null", .null), ("boolean", .boolean), ("int", .int), ("long", .long), ("float", .float),
        ("double", .double), ("bytes", .bytes), ("string", .string),
    ]

    mutating func parse(_ text: String) throws(Failure) -> Int {
        var bytes = Array(text.utf8)
        // A schema that is only a name may come without quotes.
        if Self.primitives.contains(where: { $0.name == text }) { bytes = Array("\"\(text)\"".utf8) }
        let copy = scratch.allocate(bytes.count)
        bytes.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { copy.copyMemory(from: start, byteCount: bytes.count) }
        }
        return try type(UnsafeRawBufferPointer(start: copy, count: bytes.count), namespace: "")
    }

    private func json<Value>(
        _ bytes: UnsafeRawBufferPointer, _ read: (inout JSONReader) throws(JSONError) -> Value
    ) throws(Failure) -> Value {
        do throws(JSONError) {
            var reader = try JSONReader(bytes, scratch: scratch)
            let value = try read(&reader)
            try reader.finish()
            return value
        } catch {
            throw Failure(description: "the schema is not JSON of the expected shape: \(error)")
        }
    }

    /// The node of a type: a name, a list of branches, or an object.
    private mutating func type(_ bytes: UnsafeRawBufferPointer, namespace: String) throws(Failure) -> Int {
        let kind = try json(bytes) { reader throws(JSONError) in
            let kind = try reader.peek()
            try reader.skip()
            return kind
        }
        switch kind {
        case .string:
            let name = try json(bytes) { reader throws(JSONError) in try reader.string().text }
            return try node(named: name, namespace: namespace)
        case .array:
            var branches: [Int] = []
            for branch in try elements(of: bytes) { branches.append(try type(branch, namespace: namespace)) }
            guard !branches.isEmpty else { throw Failure(description: "a union has no branches") }
            return add(.union(branches), name: "union")
        case .object:
            return try complexType(Attributes(reading: bytes, parser: self), namespace: namespace)
        case .number, .boolean, .null:
            throw Failure(description: "a type is a name, a list or an object")
        }
    }

    private mutating func add(_ kind: AvroSchema.Kind, name: String) -> Int {
        nodes.append(AvroSchema.Node(kind: kind, name: Array(name.utf8)))
        return nodes.count - 1
    }

    private mutating func node(named name: String, namespace: String) throws(Failure) -> Int {
        if let primitive = Self.primitives.first(where: { $0.name == name }) {
            return add(primitive.kind, name: primitive.name)
        }
        let full = Self.fullName(name, namespace: namespace)
        // A name without a namespace that is not in the enclosing one may be in none.
        guard let node = named[full] ?? named[name] else {
            throw Failure(description: "the type \(full) is not defined")
        }
        return node
    }

    private static func fullName(_ name: String, namespace: String) -> String {
        name.contains(".") || namespace.isEmpty ? name : "\(namespace).\(name)"
    }

    private mutating func complexType(_ attributes: Attributes, namespace: String) throws(Failure) -> Int {
        guard let typeBytes = attributes.type else { throw Failure(description: "a type has no \"type\"") }
        guard typeBytes.first == UInt8(ascii: "\"") else { return try type(typeBytes, namespace: namespace) }
        let name = try json(typeBytes) { reader throws(JSONError) in try reader.string().text }
        switch name {
        case "array", "map":
            guard let items = name == "array" ? attributes.items : attributes.values else {
                throw Failure(description: "a type \(name) does not say what is in it")
            }
            let node = try type(items, namespace: namespace)
            return add(name == "array" ? .array(items: node) : .map(values: node), name: name)
        case "record", "error", "enum", "fixed":
            return try namedType(name, attributes, namespace: namespace)
        default:
            return try node(named: name, namespace: namespace)
        }
    }

    private mutating func namedType(
        _ type: String, _ attributes: Attributes, namespace: String
    ) throws(Failure) -> Int {
        guard let short = attributes.name, !short.isEmpty else {
            throw Failure(description: "a type \(type) has no name")
        }
        let own = attributes.namespace ?? namespace
        let full = Self.fullName(short, namespace: own)
        guard named[full] == nil else { throw Failure(description: "the type \(full) is defined twice") }
        let node = add(.null, name: full)
        // Before its fields are read: they may refer to it.
        named[full] = node
        switch type {
        case "enum":
            guard let symbols = attributes.symbols else {
                throw Failure(description: "the enum \(full) has no symbols")
            }
            var names: [[UInt8]] = []
            for symbol in try elements(of: symbols) {
                names.append(try json(symbol) { reader throws(JSONError) in Array(try reader.string()) })
            }
            nodes[node].kind = .enumeration(names)
        case "fixed":
            guard let bytes = attributes.size, let size = bytes.decimalInteger, 0...1 << 30 ~= size else {
                throw Failure(description: "the fixed type \(full) has no size")
            }
            nodes[node].kind = .fixed(size: Int(size))
        default:
            guard let list = attributes.fields else { throw Failure(description: "the record \(full) has no fields") }
            let inner = full.lastIndex(of: ".").map { String(full[..<$0]) } ?? ""
            var fields: [AvroSchema.Field] = []
            for element in try elements(of: list) {
                let field = try Attributes(reading: element, parser: self)
                guard let name = field.name, let bytes = field.type else {
                    throw Failure(description: "a field of the record \(full) has no name or no type")
                }
                fields.append(.init(name: Array(name.utf8), type: try self.type(bytes, namespace: inner)))
            }
            nodes[node].kind = .record(fields)
        }
        return node
    }

    private func elements(of bytes: UnsafeRawBufferPointer) throws(Failure) -> [UnsafeRawBufferPointer] {
        try json(bytes) { reader throws(JSONError) in
            var elements: [UnsafeRawBufferPointer] = []
            try reader.beginArray()
            while try reader.nextElement() { elements.append(try reader.rawValue()) }
            return elements
        }
    }

    /// The attributes of a type or a field, of which only the names are read yet.
    private struct Attributes {
        private(set) var type, items, values, symbols, fields, size: UnsafeRawBufferPointer?
        private(set) var name, namespace: String?

        init(reading bytes: UnsafeRawBufferPointer, parser: AvroSchemaParser) throws(Failure) {
            var found: [(name: String, value: UnsafeRawBufferPointer)] = []
            try parser.json(bytes) { reader throws(JSONError) in
                try reader.beginObject()
                while let key = try reader.nextKey() { found.append((key.text, try reader.rawValue())) }
            }
            for (key, value) in found {
                switch key {
                case "type": type = value
                case "items": items = value
                case "values": values = value
                case "symbols": symbols = value
                case "fields": fields = value
                case "size": size = value
                case "name": name = try parser.json(value) { reader throws(JSONError) in try reader.string().text }
                case "namespace":
                    namespace = try parser.json(value) { reader throws(JSONError) in
                        try reader.stringOrNull()?.text
                    }
                default: break
                }
            }
        }
    }
}
