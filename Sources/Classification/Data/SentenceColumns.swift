/// The names of the table columns or JSON fields that hold the sentence and its class.
package struct SentenceColumns: Sendable, Hashable {
    /// The column of the sentence; nil for the first of the usual names that exists.
    package var text: String?
    /// The column of the class; nil for the first of the usual names that exists.
    package var label: String?

    /// Makes column names; in JSON, a name that begins with a slash is a JSON Pointer (RFC 6901).
    package init(text: String? = nil, label: String? = nil) {
        self.text = text
        self.label = label
    }

    /// The two kinds of column.
    enum Role {
        case text, label

        /// The usual names, the most specific first.
        var names: [String] {
            switch self {
            case .text: ["text", "sentence", "utterance", "query", "message", "title"]
            case .label: ["label", "intent", "category", "class", "target"]
            }
        }

        var noun: String { self == .text ? "sentence" : "class" }
        var flag: String { self == .text ? "--text-column" : "--label-column" }
    }

    func name(_ role: Role) -> String? { role == .text ? text : label }

    /// Whether the table has a column for this role.
    func isThere(_ role: Role, in header: [String]) -> Bool { !places(role, in: header).isEmpty }

    /// The index of the role's column in a table.
    /// - Throws: `DataError`, which lists the existing columns.
    func place(_ role: Role, in header: [String], path: String, line: Int) throws(DataError) -> Int {
        let places = places(role, in: header)
        guard places.count <= 1 else {
            throw DataError(
                .malformed, path, line: line,
                "the header has \(places.count) columns \(header[places[0]].quoted); which is the \(role.noun)? "
                    + "Rename the others")
        }
        if let place = places.first { return place }
        throw DataError(
            .malformed, path, line: line, "the header \(missing(role, "column", header.filter { !$0.isEmpty }))")
    }

    /// The message for a missing column or field.
    func missing(_ role: Role, _ what: String, _ present: [String]) -> String {
        let list = present.isEmpty ? "there are none" : "there are \(present.listed())"
        if let name = name(role) { return "has no \(what) \(name.quoted); \(list)" }
        let usual = role.names.dropLast().joined(separator: ", ") + " or \(role.names.last ?? "")"
        return "has no \(what) for the \(role.noun) (\(usual)); \(list). Name one with \(role.flag)"
    }

    /// A given name matches exactly, else ignoring case; otherwise the first of the usual names that occurs.
    private func places(_ role: Role, in header: [String]) -> [Int] {
        func equal(_ name: String) -> [Int] { header.indices.filter { header[$0].lowercased() == name.lowercased() } }
        if let name = name(role) {
            let exact = header.indices.filter { header[$0] == name }
            return exact.isEmpty ? equal(name) : exact
        }
        return role.names.lazy.map(equal).first { !$0.isEmpty } ?? []
    }
}
