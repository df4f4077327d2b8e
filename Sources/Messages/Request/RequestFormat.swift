/// Where a request's parts lie in the value of a record.
package struct RequestFormat: Sendable {
    /// Where the sentence lies; several are joined by a space.
    package let textFields: [JSONPointer]
    /// Where the id lies.
    package let idField: JSONPointer
    /// What a value is whose media type is not given.
    package let defaultType: MediaType
    /// The most bytes that a sentence may have.
    package let maximumTextBytes: Int
    /// Whether error messages name the worker settings that would help.
    package let namesSettings: Bool
    /// The name of the field that is added to the request's own object in its reply; nil if replies do not repeat it.
    package let addedField: String?

    /// The pointers for one pass: the text fields in their order, then the id.
    let fields: JSONPointerTree
    /// Whether they are `/text` and `/id`, which the decoder knows by heart.
    let isUsual: Bool

    /// `{"text": …, "id": …}`, unless told otherwise.
    package init(
        textFields: [JSONPointer]? = nil, idField: JSONPointer? = nil, defaultType: MediaType = .json,
        maximumTextBytes: Int = 8_192, namesSettings: Bool = false, addedField: String? = nil
    ) {
        let (text, id) = (JSONPointer("/text")!, JSONPointer("/id")!)
        self.textFields = textFields ?? [text]
        self.idField = idField ?? id
        self.defaultType = defaultType
        self.maximumTextBytes = maximumTextBytes
        self.namesSettings = namesSettings
        self.addedField = addedField
        isUsual = self.textFields == [text] && self.idField == id
        fields = JSONPointerTree(self.textFields + [self.idField])
    }
}

extension RequestFormat {
    /// The id of the schema that a request's value was written with; nil if it is not in a registry's framing, or of a type
    /// that is not looked for there.
    package func schemaID(
        of value: UnsafeRawBufferPointer?, contentType: () -> UnsafeRawBufferPointer?
    ) -> UInt32? {
        guard let value, let id = SchemaFraming.schemaID(of: value) else { return nil }
        switch MediaType(contentType(), unlessGiven: defaultType) {
        case .json, .avro: return id
        case .ownJSON, .plainText, .structuredEvent, .other, .refused: return nil
        }
    }
}

/// The values that pointers led to in one JSON value. Reused from one value to the next.
struct FoundFields {
    enum Value {
        /// Missing or null.
        case absent
        case string(UnsafeRawBufferPointer)
        /// A number, as it is written.
        case number(UnsafeRawBufferPointer)
        case other
    }

    let tree: JSONPointerTree
    private(set) var values: [Value]

    init(_ tree: JSONPointerTree) {
        self.tree = tree
        values = Array(repeating: .absent, count: tree.nodes[0].pointers.count)
    }

    /// Forgets what was found.
    mutating func forget() {
        for index in values.indices { values[index] = .absent }
    }

    /// Forgets what was found at a place and below it: the last of several fields with one name counts, with all that is
    /// in it.
    mutating func forget(below node: Int) {
        for pointer in tree.nodes[node].pointers { values[pointer] = .absent }
    }

    /// Notes what is at a place.
    mutating func set(_ value: Value, at node: Int) {
        for pointer in tree.nodes[node].ends { values[pointer] = value }
    }

    /// Reads a whole value. `finder` notes where a field can be added to it.
    mutating func read(_ reader: inout JSONReader, finder: inout FieldSiteFinder?) throws(JSONError) {
        forget()
        if tree.nodes[0].hasIndexes, try reader.peek() == .array {
            try readElements(of: 0, &reader)
        } else if finder != nil {
            try readMembers(&reader, finder: &finder)
        } else {
            try readFields(of: 0, &reader)
        }
        try reader.finish()
    }

    private mutating func readMembers(
        _ reader: inout JSONReader, finder: inout FieldSiteFinder?
    ) throws(JSONError) {
        try reader.beginObject()
        while let name = try reader.nextKey() {
            let start = try finder?.start(of: name, &reader)
            if let child = tree.child(of: 0, field: name) {
                try read(child, &reader)
            } else {
                try reader.skip()
            }
            finder?.end(startedAt: start, at: reader.position)
        }
    }

    private mutating func readFields(of node: Int, _ reader: inout JSONReader) throws(JSONError) {
        try reader.beginObject()
        while let name = try reader.nextKey() {
            if let child = tree.child(of: node, field: name) {
                try read(child, &reader)
            } else {
                try reader.skip()
            }
        }
    }

    private mutating func readElements(of node: Int, _ reader: inout JSONReader) throws(JSONError) {
        try reader.beginArray()
        var index = 0
        while try reader.nextElement() {
            if let child = tree.child(of: node, element: index) {
                try read(child, &reader)
            } else {
                try reader.skip()
            }
            index += 1
        }
    }

    private mutating func read(_ node: Int, _ reader: inout JSONReader) throws(JSONError) {
        forget(below: node)
        let value: Value
        switch try reader.peek() {
        case .string: value = .string(try reader.string())
        case .number: value = .number(try reader.number())
        case .null:
            try reader.skip()
            return
        case .object where !tree.nodes[node].children.isEmpty: return try readFields(of: node, &reader)
        case .array where tree.nodes[node].hasIndexes: return try readElements(of: node, &reader)
        case .object, .array, .boolean:
            try reader.skip()
            value = .other
        }
        set(value, at: node)
    }
}

/// What is said of a value in which no sentence was found.
enum MissingText {
    /// The most places that are named.
    private static let maximumPlaces = 8

    /// The pointers of the strings in a JSON value, the first ones of them, in their order.
    static func strings(in value: UnsafeRawBufferPointer, scratch: ScratchArena) -> [String] {
        var places: [String] = []
        var reader = JSONReader(validated: value, scratch: scratch)
        try? gather(&reader, below: "", depth: 0, into: &places)
        return places
    }

    private static func gather(
        _ reader: inout JSONReader, below pointer: String, depth: Int, into places: inout [String]
    ) throws(JSONError) {
        switch try reader.peek() {
        case .object where depth < 4:
            try reader.beginObject()
            while let name = try reader.nextKey() {
                let isShowable = name.count <= 64 && name.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
                guard isShowable, places.count < maximumPlaces else {
                    try reader.skip()
                    continue
                }
                try gather(&reader, below: pointer + "/" + JSONPointer.escaped(name), depth: depth + 1, into: &places)
            }
        case .string:
            try reader.skip()
            if !pointer.isEmpty { places.append(pointer) }
        default: try reader.skip()
        }
    }
}
