/// A request's own value, for replies that repeat it. Borrowed like the request's sentence.
package enum RequestValue {
    /// A JSON object.
    case object(UnsafeRawBufferPointer, FieldSite)
    /// A JSON array.
    case array(UnsafeRawBufferPointer)
    /// A plain text.
    case text(UnsafeRawBufferPointer)
}

/// Where a field goes into a JSON object so that all else stays as it is, to the byte.
package struct FieldSite {
    /// The end of the last member's value: a new member goes here.
    private(set) var end = 0
    /// The values of the members that have the field's name already; nearly always none.
    private(set) var replaced: [Range<Int>] = []

    mutating func end(at position: Int) { end = position }

    mutating func replace(_ value: Range<Int>) { replaced.append(value) }

    mutating func shift(by distance: Int) {
        end += distance
        replaced = replaced.map { $0.lowerBound + distance..<$0.upperBound + distance }
    }
}

/// Finds a ``FieldSite`` while an object is read.
struct FieldSiteFinder {
    private let field: [UInt8]
    private(set) var site = FieldSite()

    init(field: [UInt8]) { self.field = field }

    /// Whether the value is an array, which takes no field.
    private(set) var isArray = true

    /// A value begins.
    mutating func begin() {
        site = FieldSite()
        isArray = true
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
