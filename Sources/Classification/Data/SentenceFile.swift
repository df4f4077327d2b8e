/// The labelled sentences of a file, with details for messages.
package struct SentenceFile: Sendable {
    /// The file's name in messages.
    package let path: String
    /// The sentences and their classes.
    package let sentences: LabelledSentences
    /// The line of each sentence, counted from 1.
    package let lines: [Int]
    /// The detected format, or the columns that were read.
    package let source: String
    /// The number of sentences that the format marks as not for training.
    package let leftOut: Int

    /// Reads a file: a JSON array of objects, JSON lines, CSV or TSV with a header, fastText's `__label__` lines, or
    /// the files of Rasa, spaCy, Prodigy, LUIS, CLU and Snips; any of them may be gzipped.
    ///
    /// The format is detected from the content, not the name. Byte order marks, blank lines and the line endings LF,
    /// CRLF and CR are supported.
    /// - Parameters:
    ///   - path: A file, a pipe, or `-` for standard input.
    ///   - columns: The columns of the sentence and its class; nil names are detected.
    /// - Throws: `DataError`, with the line and a remedy.
    package static func read(
        path: String, columns: SentenceColumns = SentenceColumns()
    ) throws(DataError) -> SentenceFile {
        try SentenceFile(DataInput.read(path: path), path: DataInput.name(of: path), columns: columns)
    }

    /// Parses the content of a file.
    /// - Parameter path: The file's name in errors.
    package init(
        _ content: [UInt8], path: String, columns: SentenceColumns = SentenceColumns()
    ) throws(DataError) {
        var bytes = content
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        guard !bytes.starts(with: [0xFF, 0xFE]), !bytes.starts(with: [0xFE, 0xFF]), !bytes.prefix(2).contains(0) else {
            throw DataError.noText(path)
        }
        if let place = Self.firstInvalid(bytes) {
            var lines = LineCounter(bytes)
            throw DataError(
                .malformed, path, line: lines.line(of: place),
                "is not UTF-8; save the file as UTF-8, or convert it: iconv -f WINDOWS-1252 -t UTF-8")
        }
        guard let start = bytes.firstIndex(where: { !Self.blanks.contains($0) }) else {
            throw DataError(.empty, path, "holds no sentences")
        }
        let found = try Self.examples(bytes, from: start, path, columns)
        guard !found.examples.isEmpty else {
            let reason = found.leftOut > 0 ? "; \(found.leftOut) are marked as rejected, ignored or undecided" : ""
            throw DataError(.empty, path, "holds no sentences\(reason)")
        }
        let examples = try Self.checked(found.examples, path)
        self.path = path
        sentences = LabelledSentences(examples.lazy.map { ($0.text, $0.label) })
        lines = examples.map(\.line)
        source = found.source
        leftOut = found.leftOut
    }

    private static let blanks = Set(" \t\r\n".utf8)

    private static func examples(
        _ bytes: [UInt8], from start: Int, _ path: String, _ columns: SentenceColumns
    ) throws(DataError) -> (examples: [Example], source: String, leftOut: Int) {
        if bytes[start] == UInt8(ascii: "[") || bytes[start] == UInt8(ascii: "{") {
            var reader = JSONSentenceReader(bytes, path: path, columns: columns)
            let examples = try reader.read()
            return (examples, reader.source, reader.leftOut)
        }
        if bytes[start...].starts(with: FastTextSentenceReader.prefix.utf8) {
            return (try FastTextSentenceReader(bytes: bytes, path: path).read(), "fastText", 0)
        }
        if RasaSentenceReader.isRasa(bytes) {
            return (try RasaSentenceReader(bytes, path: path).read(), "Rasa NLU", 0)
        }
        var reader = TableSentenceReader(bytes, path: path, columns: columns)
        let table = try reader.read()
        return (table.examples, table.source, 0)
    }

    /// The validated examples, with invisible characters trimmed from their classes.
    private static func checked(_ examples: [Example], _ path: String) throws(DataError) -> [Example] {
        var examples = examples
        var problem: (line: Int, reason: String, others: Int)?
        for place in examples.indices {
            examples[place].label = examples[place].label.trimmed
            guard let reason = examples[place].problem else { continue }
            if problem == nil { problem = (examples[place].line, reason, 0) } else { problem?.others += 1 }
        }
        guard let problem else { return examples }
        let others = problem.others > 0 ? " (\(problem.others) more lines have such faults)" : ""
        throw DataError(.malformed, path, line: problem.line, problem.reason + others)
    }

    /// Checks that there are at least two classes.
    /// - Throws: `DataError` with the code `oneClass`.
    package func requireTwoClasses() throws(DataError) {
        guard sentences.labels.count < 2 else { return }
        throw DataError(
            .oneClass, path, line: lines.first,
            "all sentences have the class \(sentences.labels[0].quoted); training needs 2 classes or more")
    }

    private static func firstInvalid(_ bytes: [UInt8]) -> Int? {
        do {
            _ = try UTF8Span(validating: bytes.span)
            return nil
        } catch {
            return error.byteOffsets.lowerBound
        }
    }
}

/// A sentence as read from a file.
struct Example {
    var text: String
    var label: String
    var line: Int

    /// Why it cannot be used for training; nil if it can.
    fileprivate var problem: String? {
        if text.unicodeScalars.allSatisfy(\.properties.isWhitespace) { return "the sentence is empty; remove the line" }
        if label.isEmpty { return "the class is empty; name it or remove the line" }
        if label.unicodeScalars.contains(where: \.isControl) {
            return "the class \(label.quoted) holds a control character; remove it"
        }
        return nil
    }
}

extension String {
    /// The text without leading and trailing white space and zero-width characters, so that what looks equal is equal.
    var trimmed: String {
        // Fast path: printable ASCII at both ends.
        if let first = utf8.first, let last = utf8.last, 0x21...0x7E ~= first, 0x21...0x7E ~= last { return self }
        let isHidden = { (scalar: Unicode.Scalar) in
            scalar.properties.isWhitespace || [0x200B, 0x2060, 0xFEFF].contains(scalar.value)
        }
        let start = unicodeScalars.drop(while: isHidden)
        guard let last = start.lastIndex(where: { !isHidden($0) }) else { return "" }
        return String(start[...last])
    }
}
