/// A request's own value, for replies that repeat it. Borrowed like the request's sentence.
package enum RequestValue {
    /// A JSON object.
    case object(UnsafeRawBufferPointer, FieldSite)
    /// Any other JSON.
    case other(UnsafeRawBufferPointer)
    /// A plain text.
    case text(UnsafeRawBufferPointer)
}

/// Where a field goes into a JSON object so that all else stays as it is, to the byte.
package struct FieldSite {
    /// The end of the last member's value: a new member goes here.
    private(set) var end = 0
    /// The values of the members that have the field's name already; nearly always none.
    package private(set) var replaced: [Range<Int>] = []

    mutating func end(at position: Int) { end = position }

    mutating func replace(_ value: Range<Int>) { replaced.append(value) }
}

/// Finds a ``FieldSite`` while an object is read.
struct FieldSiteFinder {
    /// More values of one name are not replaced: each grows by a whole classification.
    private static let maximumReplaced = 16

    let field: [UInt8]
    private(set) var site = FieldSite()

    init(field: [UInt8]) { self.field = field }

    /// Whether the value is an array, which takes no field.
    private(set) var isArray = true

    /// A value begins.
    mutating func begin() {
        site = FieldSite()
        isArray = true
    }

    /// The site.
    func checked() throws(RequestFailure) -> FieldSite {
        guard site.replaced.count <= Self.maximumReplaced else {
            let name = String(decoding: field, as: UTF8.self)
            throw RequestFailure(
                .malformedJSON, "the object has more than \(Self.maximumReplaced) fields named \"\(name)\"")
        }
        return site
    }

    /// Before a member's value is read: the place where it starts, if the member has the field's name.
    func start(of name: UnsafeRawBufferPointer, _ reader: inout JSONReader) throws(JSONError) -> Int? {
        guard field.withUnsafeBytes({ $0.equals(name) }) else { return nil }
        _ = try reader.peek()
        return reader.position
    }

    /// After a member's value was read.
    mutating func end(startedAt start: Int?, at position: Int) {
        isArray = false
        site.end(at: position)
        if let start { site.replace(start..<position) }
    }
}
