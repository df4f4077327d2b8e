import Classification
import Foundation

/// The linear model written down as plainly as can be, in double precision, to hold the fast one against.
struct ReferenceModel {
    private let classes: Int
    private let biases: [Double]
    /// For each feature, what it adds to the square of the length, and its weights.
    private let features: [UInt64: (mass: Double, weights: [Double])]
    /// The share of each class among the sentences of the training.
    private let shares: [Double]

    init(_ weights: LinearWeights, _ sentences: LabelledSentences) {
        shares = sentences.counts.map { Double($0) / Double(sentences.texts.count) }
        classes = weights.biases.count
        biases = weights.biases.map(Double.init)
        var features: [UInt64: (mass: Double, weights: [Double])] = [:]
        for (place, feature) in weights.features.enumerated() {
            let row = weights.weights[place * weights.biases.count..<(place + 1) * weights.biases.count]
            features[feature] = (Double(weights.masses[place]), row.map(Double.init))
        }
        self.features = features
    }

    /// The features of a sentence, repeats included: words, their n-grams, and pairs with the edges of the sentence.
    static func features(of text: String) -> [UInt64] {
        var result: [UInt64] = []
        var previous = FeatureHash.sentenceEdge
        for word in words(text) {
            let bytes = Array(word.utf8) + [UInt8](repeating: 0, count: 8)
            let hash = bytes.withUnsafeBytes { FeatureHash.word($0.baseAddress!, length: word.utf8.count) }
            result += [hash, FeatureHash.pair(previous, hash)]
            previous = hash
            let characters = Array(" \(word) ".unicodeScalars).map { String($0) }
            for length in FeatureHash.ngramLengths where length <= characters.count {
                for start in 0...characters.count - length {
                    result.append(FeatureHash.ngram(characters[start..<start + length].joined().utf8))
                }
            }
        }
        return result + [FeatureHash.pair(previous, FeatureHash.sentenceEdge)]
    }

    func probabilities(of text: String) -> [Double] {
        let known = Self.features(of: text).compactMap { features[$0] }
        guard !known.isEmpty else { return shares }
        let length = known.reduce(0) { $0 + $1.mass }.squareRoot()
        let scores = (0..<classes).map { label in
            biases[label] + known.reduce(0) { $0 + $1.weights[label] } / length
        }
        let powers = scores.map { exp($0 - scores.max()!) }
        let sum = powers.reduce(0, +)
        return powers.map { $0 / sum }
    }

    /// The gradient of the training's function, for every feature apart: its largest element.
    func largestGradient(_ sentences: LabelledSentences, inverseRegularization: Double) -> Double {
        var gradient: [UInt64: [Double]] = [:]
        for (feature, row) in features {
            gradient[feature] = row.weights.map { $0 / row.mass.squareRoot() / inverseRegularization }
        }
        for (text, target) in zip(sentences.texts, sentences.targets) {
            let all = Self.features(of: text)
            let length = all.reduce(0) { $0 + (features[$1]?.mass ?? 0) }.squareRoot()
            var residuals = probabilities(of: text)
            residuals[target] -= 1
            for feature in all {
                guard let value = features[feature]?.mass.squareRoot() else { continue }
                for label in 0..<classes { gradient[feature]![label] += residuals[label] * value / length }
            }
        }
        return gradient.values.joined().map(abs).max() ?? 0
    }
}
