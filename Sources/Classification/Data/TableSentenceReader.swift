/// Reads CSV (comma, semicolon or bar) and TSV with a header, with quotes as in RFC 4180: a quoted field may contain
/// separators, line ends and doubled quotes.
struct TableSentenceReader {
    private static let quote = UInt8(ascii: "\"")
    /// The file's separator is the one that finds the columns; the first on ties.
    private static let separators = "\t;,|".utf8.map(\.self)

    /// The range of a field, without its quotes.
    private struct Field {
        var range: Range<Int>
        /// Whether quotes inside are doubled.
        var hasDoubledQuotes = false
    }

    private let bytes: [UInt8]
    private let path: String
    private let columns: SentenceColumns
    private var place = 0
    private var line = 1
    private var separator = UInt8(ascii: ",")
    private var fields: [Field] = []

    init(_ bytes: [UInt8], path: String, columns: SentenceColumns) {
        self.bytes = bytes
        self.path = path
        self.columns = columns
    }

    /// Returns the examples, and the names of their columns.
    mutating func read() throws(DataError) -> (examples: [Example], source: String) {
        skipBlankLines()
        let header = try readHeader()
        let text = try columns.place(.text, in: header.names, path: path, line: header.line)
        let label = try columns.place(.label, in: header.names, path: path, line: header.line)
        guard text != label else {
            throw DataError(
                .malformed, path, line: header.line,
                "the column \(header.names[text].quoted) cannot be both the sentence and its class")
        }
        var examples: [Example] = []
        while true {
            skipBlankLines()
            guard place < bytes.count else { break }
            let start = line
            try readRecord()
            guard fields.count == header.names.count else {
                throw DataError(
                    .malformed, path, line: start,
                    "has \(fields.count) columns, and the header \(header.names.count); "
                        + "put fields with separators in quotes")
            }
            // Spreadsheets write empty rows below the last one as separators only.
            if fields[text].range.isEmpty, fields.allSatisfy(\.range.isEmpty) { continue }
            examples.append(Example(text: string(fields[text]), label: string(fields[label]), line: start))
        }
        return (
            examples,
            "column \(header.names[text].quoted) for the sentence, \(header.names[label].quoted) for the class"
        )
    }

    /// Reads the header with the separator that finds the columns, or that Excel's line `sep=` names.
    private mutating func readHeader() throws(DataError) -> (names: [String], line: Int) {
        var candidates = Self.separators
        if let declared = declaredSeparator() {
            candidates = [declared]
            skipBlankLines()
        }
        let start = (place, line)
        var best: (separator: UInt8, found: Int, names: Int)?
        for candidate in candidates {
            (place, line, separator) = (start.0, start.1, candidate)
            guard let names = try? readNames() else { continue }
            let found = [SentenceColumns.Role.text, .label].count { columns.isThere($0, in: names) }
            if let best, (best.found, best.names) >= (found, names.count) { continue }
            best = (candidate, found, names.count)
        }
        (place, line, separator) = (start.0, start.1, best?.separator ?? UInt8(ascii: ","))
        let names = try readNames()
        guard names.count > 1 || best?.found ?? 0 > 0 else {
            let hint =
                names[0].contains(FastTextSentenceReader.prefix)
                ? "fastText's lines begin with \(FastTextSentenceReader.prefix), the sentence comes behind it"
                : "expected CSV or TSV with a header, JSON, JSON lines, lines that begin with "
                    + "\(FastTextSentenceReader.prefix), or Rasa's YAML"
            throw DataError(
                .malformed, path, line: start.1, "the header has one column, \(names[0].quoted); \(hint)")
        }
        guard best?.found ?? 0 > 0 || columns != SentenceColumns() else {
            throw DataError(
                .malformed, path, line: start.1,
                "no usual column is among \(names.listed()). If that is not a header, put one above it, such as text,label; if "
                    + "it is, name its columns with --text-column and --label-column")
        }
        return (names, start.1)
    }

    private mutating func readNames() throws(DataError) -> [String] {
        try readRecord()
        return fields.map { string($0).trimmed }
    }

    /// Skips a line such as `sep=;` and returns its separator.
    private mutating func declaredSeparator() -> UInt8? {
        var end = place
        while end < bytes.count, Lines.next(after: end, in: bytes) == nil { end += 1 }
        let content = bytes[place..<end].filter { $0 != Self.quote }
        let hint = content.count >= 5 ? String(decoding: content.prefix(4), as: UTF8.self).lowercased() : ""
        guard hint == "sep=", content.dropFirst(5).allSatisfy({ $0 == UInt8(ascii: " ") || $0 == content[4] }) else {
            return nil
        }
        place = end
        if end < bytes.count, let next = Lines.next(after: end, in: bytes) {
            place = next
            line += 1
        }
        return content[4]
    }

    /// Skips blank lines, counting them. A line of tabs alone is a record of empty fields, so a tab is not blank here.
    private mutating func skipBlankLines() {
        while true {
            var ahead = place
            while ahead < bytes.count, bytes[ahead] == UInt8(ascii: " ") { ahead += 1 }
            guard ahead < bytes.count else {
                place = ahead
                return
            }
            guard let next = Lines.next(after: ahead, in: bytes) else { return }
            place = next
            line += 1
        }
    }

    /// Reads a record into `fields`, and moves to the next line.
    private mutating func readRecord() throws(DataError) {
        fields.removeAll(keepingCapacity: true)
        while true {
            fields.append(try field())
            guard place < bytes.count else { return }
            guard let next = Lines.next(after: place, in: bytes) else {
                place += 1
                continue
            }
            place = next
            line += 1
            return
        }
    }

    /// Reads a field; leaves `place` at the separator or line end after it.
    private mutating func field() throws(DataError) -> Field {
        guard place < bytes.count, bytes[place] == Self.quote else {
            let start = place
            while place < bytes.count && !isFieldEnd(bytes[place]) { place += 1 }
            return Field(range: start..<place)
        }
        let startLine = line
        place += 1
        var field = Field(range: place..<place)
        while true {
            guard place < bytes.count else {
                throw DataError(.malformed, path, line: startLine, "a quote that opens here is not closed")
            }
            if bytes[place] == Self.quote {
                guard place + 1 < bytes.count, bytes[place + 1] == Self.quote else { break }
                field.hasDoubledQuotes = true
                place += 2
            } else if let next = Lines.next(after: place, in: bytes) {
                place = next
                line += 1
            } else {
                place += 1
            }
        }
        field.range = field.range.lowerBound..<place
        place += 1
        guard place == bytes.count || isFieldEnd(bytes[place]) else {
            throw DataError(
                .malformed, path, line: line, "there is something behind a closing quote; write quotes inside twice")
        }
        return field
    }

    @inline(__always)
    private func isFieldEnd(_ byte: UInt8) -> Bool {
        byte == separator || byte == Lines.lineFeed || byte == Lines.carriageReturn
    }

    private func string(_ field: Field) -> String {
        guard field.hasDoubledQuotes else { return String(decoding: bytes[field.range], as: UTF8.self) }
        var content: [UInt8] = []
        var place = field.range.lowerBound
        while place < field.range.upperBound {
            content.append(bytes[place])
            // Quotes inside are doubled.
            place += bytes[place] == Self.quote ? 2 : 1
        }
        return String(decoding: content, as: UTF8.self)
    }
}
