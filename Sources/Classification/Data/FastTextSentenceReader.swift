/// Reads fastText's format, a label and a sentence per line: `__label__find-train un train pour Lyon`.
struct FastTextSentenceReader {
    static let prefix = "__label__"
    private static let prefixBytes = Array(prefix.utf8)

    let bytes: [UInt8]
    let path: String

    func read() throws(DataError) -> [Example] {
        var examples: [Example] = []
        try Lines.forEach(in: bytes) { (line, number) throws(DataError) in
            let trimmed = bytes[line].trimmed
            if trimmed.isEmpty { return }
            guard trimmed.starts(with: Self.prefixBytes) else {
                throw DataError(.malformed, path, line: number, "does not begin with \(Self.prefix)")
            }
            let rest = String(decoding: trimmed.dropFirst(Self.prefixBytes.count), as: UTF8.self)
            let label = rest.unicodeScalars.prefix { !$0.properties.isWhitespace }
            let text = rest.unicodeScalars[label.endIndex...].drop { $0.properties.isWhitespace }
            guard !text.isEmpty else {
                throw DataError(.malformed, path, line: number, "has a class and no sentence")
            }
            guard !Substring(text).hasPrefix(Self.prefix) else {
                throw DataError(.malformed, path, line: number, "has several classes; leave the right one")
            }
            examples.append(Example(text: String(text), label: String(label), line: number))
        }
        return examples
    }
}

extension ArraySlice<UInt8> {
    /// The bytes without leading and trailing spaces and tabs.
    fileprivate var trimmed: ArraySlice<UInt8> {
        let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        let start = drop(while: isBlank)
        guard let last = start.lastIndex(where: { !isBlank($0) }) else { return [] }
        return start[...last]
    }
}
