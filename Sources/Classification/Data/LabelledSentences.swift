internal import Crypto
import Platform

/// Sentences with their known classes.
package struct LabelledSentences: Sendable, Hashable {
    /// The sentences, in the order of the file.
    package let texts: [String]
    /// The classes that occur, sorted by their UTF-8 bytes.
    package let labels: [String]
    /// The index in `labels` of each sentence's class.
    package let targets: [Int]

    /// Pairs sentences with their classes.
    package init(_ examples: some Sequence<(text: String, label: String)>) {
        let examples = Array(examples)
        labels = Set(examples.map(\.label)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let places = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, $0) })
        texts = examples.map(\.text)
        targets = examples.map { places[$0.label]! }
    }

    /// The number of sentences of each class.
    package var counts: [Int] {
        targets.reduce(into: [Int](repeating: 0, count: labels.count)) { $0[$1] += 1 }
    }

    /// Hexadecimal SHA-256 over each label, a zero byte, its sentence and a zero byte, in order: independent of the
    /// file format.
    package var digest: String {
        var hash = SHA256()
        for (text, target) in zip(texts, targets) {
            hash.update(data: Array(labels[target].utf8) + [0])
            hash.update(data: Array(text.utf8) + [0])
        }
        return Hexadecimal.string(hash.finalize())
    }
}
