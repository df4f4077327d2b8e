internal import Foundation

/// How many sentences are answered, and how many of the answers are right, when those are not answered whose likeliest
/// class is less probable than a threshold.
package struct RiskCoverage: Sendable, Hashable, Codable {
    /// The share at one threshold.
    package struct Point: Sendable, Hashable, Codable {
        /// The least probability of the likeliest class.
        package var threshold: Double
        /// The share of sentences that are answered.
        package var coverage: Double
        /// The share of those that are right; 1 if none is answered.
        package var accuracy: Double

        package init(threshold: Double, coverage: Double, accuracy: Double) {
            self.threshold = threshold
            self.coverage = coverage
            self.accuracy = accuracy
        }
    }

    /// At the thresholds 0, 0.1, … 0.9, 0.95 and 0.99, and at the one that was chosen, if there is one; ascending.
    package var points: [Point]
    /// The threshold that was chosen in training; nil without.
    package var chosen: Double?

    static let thresholds = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]
}

/// A class that was predicted for a sentence.
package struct Prediction: Sendable, Hashable {
    /// The probability of the likeliest class; less than 0 for a sentence of which the model knows nothing, which is never
    /// answered.
    package var confidence: Double
    package var isRight: Bool

    package init(confidence: Double, isRight: Bool) {
        self.confidence = confidence
        self.isRight = isRight
    }
}

extension Prediction {
    /// The likeliest class of each row, the first one on ties, and its index.
    static func of(
        probabilities: [Float], targets: [Int], classes: Int, known: [Bool]?
    ) -> [(given: Int, prediction: Prediction)] {
        targets.enumerated().map { row, target in
            let scores = probabilities[row * classes..<(row + 1) * classes]
            let best = scores.indices.max { scores[$0] < scores[$1] || (scores[$0] == scores[$1] && $0 > $1) }!
            let given = best - row * classes
            let confidence = known?[row] ?? true ? Double(scores[best]) : -1
            return (given, Prediction(confidence: confidence, isRight: given == target))
        }
    }
}

extension RiskCoverage {
    package init(_ predictions: [Prediction], chosen: Double? = nil) {
        self.chosen = chosen
        points = Set(Self.thresholds + (chosen.map { [$0] } ?? [])).sorted().map { threshold in
            let answered = predictions.filter { $0.confidence >= threshold }
            let right = answered.count { $0.isRight }
            return Point(
                threshold: threshold, coverage: Double(answered.count) / Double(max(1, predictions.count)),
                accuracy: answered.isEmpty ? 1 : Double(right) / Double(answered.count))
        }
    }

    /// The lowest threshold at which at least this share of the answers is right; nil if there is none.
    package static func threshold(of predictions: [Prediction], precision target: Double) -> Point? {
        let ordered = predictions.filter { $0.confidence >= 0 }.sorted { $0.confidence > $1.confidence }
        var right = 0
        var best: (count: Int, right: Int)?
        for (index, prediction) in ordered.enumerated() {
            right += prediction.isRight ? 1 : 0
            // Sentences with the same confidence are answered together.
            let isLast = index + 1 == ordered.count || ordered[index + 1].confidence < prediction.confidence
            if isLast, Double(right) >= target * Double(index + 1) { best = (index + 1, right) }
        }
        guard let best else { return nil }
        // Halfway to the next sentence, so that rounding does not matter.
        let threshold =
            best.count == ordered.count
            ? 0 : (ordered[best.count - 1].confidence + ordered[best.count].confidence) / 2
        return Point(
            threshold: (threshold * 1e6).rounded() / 1e6,
            coverage: Double(best.count) / Double(max(1, predictions.count)),
            accuracy: Double(best.right) / Double(best.count))
    }

    /// The table as text, with a bar for the coverage.
    package var table: String {
        var lines = ["threshold  answered  accuracy"]
        for point in points {
            let bar = String(repeating: "█", count: Int((point.coverage * 20).rounded()))
            let mark = point.threshold == chosen ? "  ← the model's own" : ""
            let accuracy = point.coverage > 0 ? String(format: "%.3f", point.accuracy) : "    –"
            let cells = [
                String(format: "%9.2f", point.threshold), String(format: "%8.1f%%", point.coverage * 100),
                "    " + accuracy, "  " + bar.padding(toLength: 20, withPad: " ", startingAt: 0) + mark,
            ]
            lines.append(cells.joined().replacing(#/ +$/#, with: ""))
        }
        return lines.joined(separator: "\n")
    }
}
