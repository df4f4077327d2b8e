internal import Crypto
internal import Foundation

/// Sentences with the class that each is known to have.
public struct LabelledSentences: Sendable, Hashable {
    /// The sentences, in the order of the file.
    public let texts: [String]
    /// The classes that occur, sorted by their UTF-8 bytes.
    public let labels: [String]
    /// For each sentence, the index of its class in `labels`.
    public let targets: [Int]

    /// Pairs sentences with their classes.
    public init(_ examples: some Sequence<(text: String, label: String)>) {
        let examples = Array(examples)
        labels = Set(examples.map(\.label)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let places = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, $0) })
        texts = examples.map(\.text)
        targets = examples.map { places[$0.label]! }
    }

    /// The number of sentences of each class.
    public var counts: [Int] {
        targets.reduce(into: [Int](repeating: 0, count: labels.count)) { $0[$1] += 1 }
    }

    /// SHA-256, in hexadecimal, over each label, a zero byte, its sentence and a zero byte, in order: the same for the
    /// same sentences in any file format.
    public var digest: String {
        var hash = SHA256()
        for (text, target) in zip(texts, targets) {
            hash.update(data: Array(labels[target].utf8) + [0])
            hash.update(data: Array(text.utf8) + [0])
        }
        return Hexadecimal.string(hash.finalize())
    }

    /// Reads a file: a JSON array of objects, JSON lines, CSV or TSV with a header, or fastText's `__label__` lines.
    ///
    /// The content tells the format, not the name. The sentence is in the field `text` or `sentence`, its class in
    /// `label` or `intent`. A byte order mark, CRLF and blank lines are understood.
    /// - Throws: `DataError`, with the line and what to do.
    public static func read(path: String) throws(DataError) -> LabelledSentences {
        let status = FileManager.default.attributesOfItemIfPresent(path)
        guard let status else { throw DataError(.missing, path, "no such file") }
        guard status != .typeDirectory else { throw DataError(.unreadable, path, "is a folder, not a file") }
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw DataError(.unreadable, path, "cannot be read: \(error.localizedDescription)")
        }
        return try parse([UInt8](data), path: path)
    }

    /// Reads the content of a file.
    /// - Parameter path: The name that errors give.
    public static func parse(_ content: [UInt8], path: String) throws(DataError) -> LabelledSentences {
        var bytes = content[...]
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw DataError(.malformed, path, line: 1, "is UTF-16; save it as UTF-8")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw DataError(.malformed, path, line: firstInvalidLine(bytes), "is not UTF-8; save the file as UTF-8")
        }
        guard let start = text.utf8.first(where: { !LineBytes.blank.contains($0) }) else {
            throw DataError(.empty, path, "holds no sentences")
        }
        let bytesOfText = Array(text.utf8)
        let examples: [Example]
        if start == UInt8(ascii: "[") || start == UInt8(ascii: "{") {
            var reader = JSONSentenceReader(bytesOfText, path: path)
            examples = try reader.read()
        } else if text.drop(while: \.isWhitespace).hasPrefix(FastTextSentenceReader.prefix) {
            examples = try FastTextSentenceReader(text, path: path).read()
        } else {
            var reader = TableSentenceReader(bytesOfText, path: path)
            examples = try reader.read()
        }
        guard !examples.isEmpty else { throw DataError(.empty, path, "holds no sentences") }
        for example in examples {
            if example.text.allSatisfy(\.isWhitespace) {
                throw DataError(.malformed, path, line: example.line, "the sentence is empty; remove the line")
            }
            if example.label.isEmpty {
                throw DataError(.malformed, path, line: example.line, "the class is empty; name it or remove the line")
            }
        }
        return LabelledSentences(examples.map { ($0.text, $0.label) })
    }

    private static func firstInvalidLine(_ bytes: ArraySlice<UInt8>) -> Int {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let invalid = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil }
        return (invalid ?? 0) + 1
    }
}

/// A sentence as a reader found it.
struct Example {
    var text: String
    var label: String
    var line: Int
}

/// The names of the fields, in any of our formats.
enum FieldName {
    static let text = ["text", "sentence"]
    static let label = ["label", "intent"]
}

enum LineBytes {
    static let blank: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]
}

extension FileManager {
    /// The type of the file, nil when there is none.
    fileprivate func attributesOfItemIfPresent(_ path: String) -> FileAttributeType? {
        var isDirectory: ObjCBool = false
        guard fileExists(atPath: path, isDirectory: &isDirectory) else { return nil }
        return isDirectory.boolValue ? .typeDirectory : .typeRegular
    }
}
