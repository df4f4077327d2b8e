/// Probable mistakes in labelled sentences, to be reviewed before training.
package struct DataReview: Sendable {
    /// A probable mistake.
    package struct Finding: Sendable, Hashable {
        /// The kind of mistake.
        package enum Kind: String, Sendable {
            /// Sentences that occur more than once.
            case repeated
            /// The same sentence under several classes.
            case contradicting
            /// Classes whose names differ only in letter case or white space.
            case similarClasses
            /// Classes with too few sentences for meaningful metrics.
            case smallClasses
        }

        /// The kind of mistake.
        package let kind: Kind
        /// One human-readable line, with examples and their line numbers.
        package let message: String
    }

    /// With fewer sentences, a class's metrics are mostly noise.
    package static let judgeableSentences = 10

    /// The classes and their sentence counts, the largest first, as one line.
    package let classes: String
    /// The probable mistakes.
    package let findings: [Finding]

    /// Reviews a file.
    package init(_ file: SentenceFile) {
        let sentences = file.sentences
        let counts = sentences.counts
        let order = sentences.labels.indices.sorted { (counts[$1], $0) < (counts[$0], $1) }
        let shown = order.prefix(Self.mostClasses).map { "\(sentences.labels[$0].bare) \(counts[$0])" }
        let more = order.count > shown.count ? " and \(order.count - shown.count) more" : ""
        classes = shown.joined(separator: ", ") + more
        let groups = Self.groups(sentences.texts)
        findings = [
            Self.contradicting(groups, file), Self.repeated(groups, file),
            Self.similarClasses(sentences.labels, counts),
            Self.smallClasses(sentences.labels, counts),
        ].compactMap { $0 }
    }

    private static let mostClasses = 20
    private static let mostExamples = 3

    // MARK: Sentences

    /// Groups of sentences that the model cannot distinguish, as indices; unique sentences are left out.
    private static func groups(_ texts: [String]) -> [[Int]] {
        var first: [UInt64: Int] = [:]
        first.reserveCapacity(texts.count)
        var groups: [Int: [Int]] = [:]
        let word = UnsafeMutableRawPointer.allocate(byteCount: WordScanner.bufferSize, alignment: 64)
        defer { word.deallocate() }
        for (place, text) in texts.enumerated() {
            let key = key(text, word)
            if let start = first[key] { groups[start, default: [start]].append(place) } else { first[key] = place }
        }
        return groups.sorted { $0.key < $1.key }.map(\.value)
    }

    /// A hash of a sentence's words in order; of its text if it has no words.
    private static func key(_ text: String, _ word: UnsafeMutableRawPointer) -> UInt64 {
        var text = text
        return text.withUTF8 { bytes in
            guard let start = bytes.baseAddress else { return 0 }
            var key = FeatureHash.sentenceEdge
            var scanner = WordScanner(start: start, count: bytes.count, folding: .shared)
            var words = 0
            while case let length = scanner.nextWord(into: word), length > 0 {
                key = FeatureHash.pair(key, FeatureHash.word(word, length: length))
                words += 1
            }
            return words > 0 ? key : FeatureHash.ngram(bytes)
        }
    }

    private static func contradicting(_ groups: [[Int]], _ file: SentenceFile) -> Finding? {
        let targets = file.sentences.targets
        let several = groups.filter { group in group.contains { targets[$0] != targets[group[0]] } }
        guard !several.isEmpty else { return nil }
        let examples = several.prefix(mostExamples).map { group in
            let classes = Dictionary(grouping: group) { targets[$0] }.sorted { $0.value[0] < $1.value[0] }
                .map { "\(file.sentences.labels[$0.key].bare) (\(lines($0.value, file)))" }
            return "\(file.sentences.texts[group[0]].quoted) is \(classes.joined(separator: " and "))"
        }
        return Finding(
            kind: .contradicting,
            message:
                "\(several.count.of("sentence")) \(several.count == 1 ? "stands" : "stand") under several classes: "
                + joined(examples, of: several.count))
    }

    private static func repeated(_ groups: [[Int]], _ file: SentenceFile) -> Finding? {
        let targets = file.sentences.targets
        // Contradicting sentences are not reported again.
        let equal = groups.filter { group in group.allSatisfy { targets[$0] == targets[group[0]] } }
        guard !equal.isEmpty else { return nil }
        let examples = equal.prefix(mostExamples).map { group in
            "\(file.sentences.texts[group[0]].quoted) (\(lines(group, file)))"
        }
        return Finding(
            kind: .repeated,
            message:
                "\(equal.count.of("sentence")) \(equal.count == 1 ? "is" : "are") there twice or more, letter case, "
                + "accents and punctuation aside, which makes figures look better than they are: "
                + joined(examples, of: equal.count))
    }

    private static func lines(_ places: [Int], _ file: SentenceFile) -> String {
        let shown = places.prefix(mostExamples).map { "\(file.lines[$0])" }.joined(separator: ", ")
        let more = places.count > mostExamples ? " and \(places.count - mostExamples) more" : ""
        return (places.count == 1 ? "line " : "lines ") + shown + more
    }

    private static func joined(_ examples: [String], of count: Int) -> String {
        examples.joined(separator: "; ") + (count > examples.count ? "; and \(count - examples.count) more" : "")
    }

    // MARK: Classes

    private static func similarClasses(_ labels: [String], _ counts: [Int]) -> Finding? {
        let alike = Dictionary(grouping: labels.indices) { place in
            String(labels[place].lowercased().filter { !$0.isWhitespace })
        }.values.filter { $0.count > 1 }.sorted { $0[0] < $1[0] }
        guard !alike.isEmpty else { return nil }
        let examples = alike.prefix(mostExamples).map { places in
            places.map { "\(labels[$0].quoted) (\(counts[$0].of("sentence")))" }.joined(separator: " and ")
        }
        return Finding(
            kind: .similarClasses,
            message: "classes that differ only in letter case or space: " + joined(examples, of: alike.count))
    }

    private static func smallClasses(_ labels: [String], _ counts: [Int]) -> Finding? {
        let small = labels.indices.filter { counts[$0] < judgeableSentences }.sorted {
            (counts[$0], $0) < (counts[$1], $1)
        }
        guard !small.isEmpty else { return nil }
        let examples = small.prefix(2 * mostExamples).map { "\(labels[$0].quoted) has \(counts[$0])" }
        let more = small.count > examples.count ? " and \(small.count - examples.count) more" : ""
        return Finding(
            kind: .smallClasses,
            message:
                "\(small.count.of("class", "classes")) with fewer than \(judgeableSentences) sentences, too few to be "
                + "judged: " + examples.joined(separator: ", ") + more)
    }
}

extension Evaluation {
    /// The classes with the lowest F1 and the classes they are confused with, as one line; nil if no class does badly.
    package var weakest: String? {
        let judged = classes.indices.filter { classes[$0].support >= DataReview.judgeableSentences }
        let worst = judged.filter { classes[$0].f1 < 0.995 }.sorted { (classes[$0].f1, $0) < (classes[$1].f1, $1) }
            .prefix(3)
        guard !worst.isEmpty else { return nil }
        return worst.map { place in
            let others = classes.indices.filter { $0 != place }
                .map { (label: classes[$0].label.bare, times: confusion[place][$0] + confusion[$0][place]) }
                .filter { $0.times > 0 }.sorted { $0.times > $1.times }.prefix(2)
            let confused = others.map { "\($0.label) \($0.times.of("time"))" }.joined(separator: ", ")
            // Two decimals suffice; the filter above excludes scores that would round to 1.
            let score = (classes[place].f1 * 100).rounded() / 100
            return "\(classes[place].label.bare) (F1 \(score), confused with \(confused))"
        }.joined(separator: "; ")
    }
}

extension Int {
    /// The number with its noun.
    fileprivate func of(_ noun: String, _ several: String? = nil) -> String {
        self == 1 ? "1 \(noun)" : "\(self) \(several ?? noun + "s")"
    }
}

extension String {
    /// The text for a one-line message, without quotation marks.
    fileprivate var bare: String { String(quoted.dropFirst().dropLast()) }
}
