internal import Foundation

/// Reads lines of a label and a sentence, as fastText takes them: `__label__find-train un train pour Lyon`.
struct FastTextSentenceReader {
    static let prefix = "__label__"

    private let text: String
    private let path: String

    init(_ text: String, path: String) {
        self.text = text
        self.path = path
    }

    func read() throws(DataError) -> [Example] {
        var examples: [Example] = []
        for (place, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let trimmed = line.trimmingCharacters(in: .whitespaces)
            if trimmed.isEmpty { continue }
            guard trimmed.hasPrefix(Self.prefix) else {
                throw DataError(.malformed, path, line: place + 1, "does not begin with \(Self.prefix)")
            }
            let parts = trimmed.dropFirst(Self.prefix.count).split(maxSplits: 1, whereSeparator: \.isWhitespace)
            guard parts.count == 2 else {
                throw DataError(.malformed, path, line: place + 1, "has a class and no sentence")
            }
            guard !parts[1].hasPrefix(Self.prefix) else {
                throw DataError(.malformed, path, line: place + 1, "has several classes; leave the right one")
            }
            examples.append(Example(text: String(parts[1]), label: String(parts[0]), line: place + 1))
        }
        return examples
    }
}
