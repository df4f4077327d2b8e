import Foundation
import Telemetry

/// Standard output, buffered: written when 64 KiB have come together and on `flush()`. For JSON, a value a line.
struct StandardOutput: ~Copyable {
    private var buffer: [UInt8] = []

    init() { buffer.reserveCapacity(1 << 17) }

    /// Adds a line; LF follows it. Of control characters JSON lets those from U+0080 to U+009F stand as they are, which some
    /// terminals obey: they become escapes, which mean the same.
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

    /// Where the first of these control characters begins: in UTF-8 it is 0xC2 and its own number.
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

/// Prints a text for people: lines whose control characters, such as those in a label, are shown as escapes.
func show(_ parts: String...) { print(LineEscaping.plainLines(parts.joined(separator: " "))) }

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

/// What a command says beside its results.
enum Advice {
    /// Writes a warning to standard error, behind what was printed before it.
    static func warn(_ message: String) {
        fflush(nil)
        StandardError.write(LineEscaping.plainLines("warning: \(message)\n"))
    }

    /// A command of this program, as the user would type it where this one was typed.
    static func command(_ arguments: String) -> String { "\(CommandLine.arguments[0].shellQuoted) \(arguments)" }
}

extension String {
    /// The text as one word of a shell's command line.
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
