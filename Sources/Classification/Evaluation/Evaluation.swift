internal import Foundation

/// The metrics of predicted probabilities against the true classes. Encodes as JSON.
package struct Evaluation: Sendable, Hashable, Codable {
    /// The metrics of one class.
    package struct ClassScore: Sendable, Hashable, Codable {
        /// The class.
        package var label: String
        /// The share of sentences predicted as this class that belong to it; 0 if none was.
        package var precision: Double
        /// The share of this class's sentences that were predicted as it; 0 if it has none.
        package var recall: Double
        /// The harmonic mean of precision and recall.
        package var f1: Double
        /// The number of sentences of this class.
        package var support: Int
    }

    /// The number of sentences.
    package var sentences: Int
    /// The share of sentences whose most probable class is right.
    package var accuracy: Double
    /// The mean F1 of all classes that occur or were predicted.
    package var macroF1: Double
    /// The mean negative natural logarithm of the true class's probability.
    package var logLoss: Double
    /// The expected calibration error of the most probable class, over 15 equal bins.
    package var calibrationError: Double
    /// The metrics of each class, in the order of the classes.
    package var classes: [ClassScore]
    /// `confusion[a][b]` sentences of class *a* were predicted as class *b*.
    package var confusion: [[Int]]
    /// What is answered, and how much of it is right, at each threshold.
    package var riskCoverage: RiskCoverage

    /// The number of bins of the calibration error.
    package static let calibrationBins = 15

    /// Computes the metrics.
    /// - Parameters:
    ///   - labels: The classes.
    ///   - targets: The index of the true class of each sentence.
    ///   - probabilities: Row-major, one row of `labels.count` for each target. On ties the first class is predicted.
    ///   - known: whether the model knows anything of each sentence; nil if it knows something of all.
    ///   - threshold: the threshold that was chosen in training, if one was.
    package init(
        labels: [String], targets: [Int], probabilities: [Float], known: [Bool]? = nil, threshold: Double? = nil
    ) {
        precondition(probabilities.count == targets.count * labels.count, "one row of probabilities for each target")
        let count = labels.count
        var confusion = [[Int]](repeating: [Int](repeating: 0, count: count), count: count)
        var loss = 0.0
        let predictions = Prediction.of(probabilities: probabilities, targets: targets, classes: count, known: known)
        var bins = [(confidence: Double, right: Int, sentences: Int)](
            repeating: (0, 0, 0), count: Self.calibrationBins)
        for (row, target) in targets.enumerated() {
            let given = predictions[row].given
            let best = row * count + given
            confusion[target][given] += 1
            loss -= log(Double(max(probabilities[row * count + target], .leastNormalMagnitude)))
            let bin = min(Int(probabilities[best] * Float(Self.calibrationBins)), Self.calibrationBins - 1)
            bins[bin].confidence += Double(probabilities[best])
            bins[bin].right += given == target ? 1 : 0
            bins[bin].sentences += 1
        }
        let total = Double(max(1, targets.count))
        let right = labels.indices.reduce(0) { $0 + confusion[$1][$1] }
        let scores = labels.indices.map { label in
            Self.score(labels[label], label, confusion)
        }
        let occurring = labels.indices.filter { label in
            scores[label].support > 0 || confusion.contains { $0[label] > 0 }
        }
        sentences = targets.count
        accuracy = Double(right) / total
        macroF1 = occurring.reduce(0) { $0 + scores[$1].f1 } / Double(max(1, occurring.count))
        logLoss = loss / total
        calibrationError = bins.reduce(0) { $0 + abs($1.confidence - Double($1.right)) } / total
        classes = scores
        self.confusion = confusion
        riskCoverage = RiskCoverage(predictions.map(\.prediction), chosen: threshold)
    }

    private static func score(_ name: String, _ label: Int, _ confusion: [[Int]]) -> ClassScore {
        let right = Double(confusion[label][label])
        let support = confusion[label].reduce(0, +)
        let given = confusion.reduce(0) { $0 + $1[label] }
        return ClassScore(
            label: name, precision: given > 0 ? right / Double(given) : 0,
            recall: support > 0 ? right / Double(support) : 0,
            f1: given + support > 0 ? 2 * right / Double(given + support) : 0, support: support)
    }
}

extension Evaluation {
    /// Evaluates a classifier on labelled sentences.
    /// - Throws: `LinearTrainer.Refusal` if the sentences have a class that the model does not know;
    ///   `ClassifierError` if the classifier fails.
    package static func measure(_ classifier: any Classifier, on sentences: LabelledSentences) throws -> Evaluation {
        let labels = classifier.model.labels
        let unknown = sentences.labels.filter { !labels.contains($0) }
        guard unknown.isEmpty else {
            let names = unknown.prefix(5).map { "“\($0)”" }.joined(separator: ", ")
            throw LinearTrainer.Refusal(
                description: "the model \(classifier.model.identifier) does not know the classes \(names)")
        }
        let places = sentences.labels.map { labels.firstIndex(of: $0)! }
        let (probabilities, outcomes) = try classifier.predictions(of: sentences.texts)
        return Evaluation(
            labels: labels, targets: sentences.targets.map { places[$0] }, probabilities: probabilities,
            known: outcomes.map { !$0.contains(.unknown) },
            threshold: classifier.model.threshold)
    }
}

extension Classifier {
    /// Classifies strings in one batch and returns row-major probabilities; for tools.
    package func probabilities(of texts: [String]) throws(ClassifierError) -> [Float] {
        try predictions(of: texts).probabilities
    }

    /// The same, and how each result came about.
    package func predictions(
        of texts: [String]
    ) throws(ClassifierError) -> (probabilities: [Float], outcomes: [SentenceOutcome]) {
        let session = try makeSession()
        var probabilities = [Float](repeating: 0, count: texts.count * model.labels.count)
        var outcomes = [SentenceOutcome](repeating: [], count: texts.count)
        // An encoder's tokens take memory: a thousand sentences at a time.
        for start in stride(from: 0, to: texts.count, by: 1_000) {
            let range = start..<min(start + 1_000, texts.count)
            try probabilities.withUnsafeMutableBufferPointer { probabilities throws(ClassifierError) in
                try outcomes.withUnsafeMutableBufferPointer { outcomes throws(ClassifierError) in
                    try withBytes(of: texts[range]) { sentences throws(ClassifierError) in
                        let columns = start * model.labels.count..<range.upperBound * model.labels.count
                        try session.classify(
                            sentences, into: UnsafeMutableBufferPointer(rebasing: probabilities[columns]),
                            outcomes: outcomes.baseAddress! + start, isExpired: { _ in false })
                    }
                }
            }
        }
        return (probabilities, outcomes)
    }
}

extension Evaluation {
    /// The metrics as human-readable text: a summary, a line for each class, and the confusion matrix if it is small.
    package var table: String {
        func number(_ value: Double) -> String { String(format: "%.3f", value) }
        let width = max(5, classes.map(\.label.count).max() ?? 0)
        func left(_ text: String, _ width: Int) -> String { text.padding(toLength: width, withPad: " ", startingAt: 0) }
        func right(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        var lines = [
            "sentences          \(sentences)",
            "accuracy           \(number(accuracy))",
            "macro F1           \(number(macroF1))",
            "log loss           \(number(logLoss))",
            "calibration error  \(number(calibrationError))",
            "",
            left("class", width) + "  precision  recall     f1  support",
        ]
        for score in classes {
            lines.append(
                left(score.label, width) + right(number(score.precision), 11) + right(number(score.recall), 8)
                    + right(number(score.f1), 7) + right("\(score.support)", 9))
        }
        lines += ["", riskCoverage.table]
        if classes.count <= 20 {
            let columns = classes.indices.map { column in
                max(3, "\(column + 1)".count, confusion.map { "\($0[column])".count }.max() ?? 0)
            }
            let head = classes.indices.map { right("\($0 + 1)", columns[$0] + 2) }.joined()
            lines += ["", "right class, and the class that was given (by number)", left("", width + 4) + head]
            for (row, score) in classes.enumerated() {
                let counts = classes.indices.map { right("\(confusion[row][$0])", columns[$0] + 2) }.joined()
                lines.append(right("\(row + 1)", 3) + " " + left(score.label, width) + counts)
            }
        }
        return lines.joined(separator: "\n")
    }
}
