import Foundation
import Telemetry

/// Buffered standard output: written when 64 KiB are full and on `flush()`. For JSON, one value per line.
struct StandardOutput: ~Copyable {
    private var buffer: [UInt8] = []

    init() { buffer.reserveCapacity(1 << 17) }

    /// Adds a line and LF. JSON allows the control characters U+0080 to U+009F unescaped, but some terminals obey them,
    /// so they are written as escapes.
    /// - Throws: ``CommandFailure`` when standard output is closed or its disk is full.
    mutating func writeLine(_ line: UnsafeRawBufferPointer) throws {
        var rest = line
        while let lead = Self.firstControl(in: rest) {
            buffer.append(contentsOf: rest[..<lead])
            buffer.append(contentsOf: "\\u00\(String(rest[lead + 1], radix: 16))".utf8)
            rest = UnsafeRawBufferPointer(rebasing: rest[(lead + 2)...])
        }
        buffer.append(contentsOf: rest)
        buffer.append(UInt8(ascii: "\n"))
        if buffer.count >= 1 << 16 { try flush() }
    }

    /// The index of the first such control character: in UTF-8, 0xC2 followed by its own number.
    private static func firstControl(in line: UnsafeRawBufferPointer) -> Int? {
        guard let start = line.baseAddress else { return nil }
        var index = 0
        while let found = memchr(start + index, 0xC2, line.count - index) {
            index = UnsafeRawPointer(found) - start
            if index + 1 < line.count, 0x80...0x9F ~= line[index + 1] { return index }
            index += 1
        }
        return nil
    }

    mutating func flush() throws {
        defer { buffer.removeAll(keepingCapacity: true) }
        try buffer.withUnsafeBytes { bytes in
            var written = 0
            while written < bytes.count {
                let count = write(STDOUT_FILENO, bytes.baseAddress! + written, bytes.count - written)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else {
                    throw CommandFailure.internalError(
                        "cannot write to standard output: \(String(cString: strerror(errno)))")
                }
                written += count
            }
        }
    }
}

/// Prints text for people, with control characters, such as those in a label, shown as escapes.
func show(_ parts: String...) { print(LineEscaping.plainLines(parts.joined(separator: " "))) }

/// A human-readable table: a header, columns as wide as needed, two spaces between them.
struct TextTable {
    let lines: [String]

    /// - Parameter right: the columns to align right, which hold numbers.
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

/// Warnings and hints that a command prints besides its results.
enum Advice {
    /// Writes a warning to standard error, after flushing what was printed before.
    static func warn(_ message: String) {
        fflush(nil)
        StandardError.write(LineEscaping.plainLines("warning: \(message)\n"))
    }

    /// A command line of this program, with the program name as the user typed it.
    static func command(_ arguments: String) -> String { "\(CommandLine.arguments[0].shellQuoted) \(arguments)" }
}

extension String {
    /// The text as one shell word, quoted if needed.
    var shellQuoted: String {
        let isPlain = { (byte: UInt8) in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "/._-+=:,@%".utf8.contains(byte)
            }
        }
        if !isEmpty, utf8.allSatisfy(isPlain) { return self }
        return "'\(replacing("'", with: "'\\''"))'"
    }
}
