internal import Foundation

/// Reads CSV (comma or semicolon) and TSV with a header, quotes as in RFC 4180: a quoted field may hold separators,
/// line ends, and quotes written twice.
struct TableSentenceReader {
    private let bytes: [UInt8]
    private let path: String
    private var place = 0
    private var line = 1
    private var separator = UInt8(ascii: ",")

    init(_ bytes: [UInt8], path: String) {
        self.bytes = bytes
        self.path = path
    }

    mutating func read() throws(DataError) -> [Example] {
        skipBlankLines()
        let headerLine = line
        separator = headerSeparator()
        let header = try record().map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
        func column(_ names: [String]) throws(DataError) -> Int {
            guard let column = names.lazy.compactMap({ header.firstIndex(of: $0) }).first else {
                throw DataError(
                    .malformed, path, line: headerLine,
                    "the header has no column “\(names[0])” (or “\(names[1])”); expected JSON, JSON lines, CSV or TSV "
                        + "with a header, or lines that begin with \(FastTextSentenceReader.prefix)")
            }
            return column
        }
        let text = try column(FieldName.text)
        let label = try column(FieldName.label)
        var examples: [Example] = []
        while true {
            skipBlankLines()
            guard place < bytes.count else { return examples }
            let start = line
            let fields = try record()
            guard fields.count == header.count else {
                throw DataError(
                    .malformed, path, line: start,
                    "has \(fields.count) columns, and the header \(header.count); put fields with separators in quotes")
            }
            examples.append(
                Example(text: fields[text], label: fields[label].trimmingCharacters(in: .whitespaces), line: start))
        }
    }

    private func headerSeparator() -> UInt8 {
        let header = bytes[place...].prefix { $0 != 0x0A && $0 != 0x0D }
        let candidates = [UInt8(ascii: "\t"), UInt8(ascii: ";"), UInt8(ascii: ",")]
        return candidates.first { header.contains($0) } ?? UInt8(ascii: ",")
    }

    /// Blank lines count but hold nothing; the fields of a line of tabs alone are empty, so a tab is no blank here.
    private mutating func skipBlankLines() {
        var ahead = place
        var lines = 0
        while ahead < bytes.count, [0x20, 0x0A, 0x0D].contains(bytes[ahead]) {
            if bytes[ahead] == 0x0A {
                lines += 1
                place = ahead + 1
                line += 1
            }
            ahead += 1
        }
        if ahead == bytes.count { place = ahead }
    }

    private mutating func record() throws(DataError) -> [String] {
        var fields: [String] = []
        while true {
            fields.append(try field())
            guard place < bytes.count else { return fields }
            let byte = bytes[place]
            place += 1
            if byte == separator { continue }
            if byte == 0x0D && place < bytes.count && bytes[place] == 0x0A { place += 1 }
            line += 1
            return fields
        }
    }

    /// Reads a field; leaves `place` at the separator or line end behind it.
    private mutating func field() throws(DataError) -> String {
        var content: [UInt8] = []
        if place < bytes.count && bytes[place] == UInt8(ascii: "\"") {
            let start = line
            place += 1
            while true {
                guard place < bytes.count else {
                    throw DataError(.malformed, path, line: start, "a quote that opens here is not closed")
                }
                let byte = bytes[place]
                place += 1
                if byte == UInt8(ascii: "\"") {
                    guard place < bytes.count, bytes[place] == UInt8(ascii: "\"") else { break }
                    place += 1
                }
                if byte == 0x0A { line += 1 }
                content.append(byte)
            }
            guard place == bytes.count || isFieldEnd(bytes[place]) else {
                throw DataError(
                    .malformed, path, line: line, "there is something behind a closing quote; write quotes inside twice"
                )
            }
        } else {
            while place < bytes.count && !isFieldEnd(bytes[place]) {
                content.append(bytes[place])
                place += 1
            }
        }
        return String(decoding: content, as: UTF8.self)
    }

    private func isFieldEnd(_ byte: UInt8) -> Bool { byte == separator || byte == 0x0A || byte == 0x0D }
}
