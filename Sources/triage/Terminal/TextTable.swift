/// A table for people: a header, columns as wide as they have to be, two spaces between them.
struct TextTable {
    let lines: [String]

    /// - Parameter right: the columns that are numbers, which end together.
    init(_ header: [String], _ rows: [[String]], right: Set<Int>) {
        let rows = [header] + rows
        let widths = header.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        lines = rows.map { row in
            let cells = row.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return right.contains(column) ? space + row[column] : row[column] + space
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
