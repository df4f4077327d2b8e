internal import Foundation

/// Temperature scaling: dividing scores by one number calibrates the probabilities, so that eight in ten predictions
/// with probability 0.8 are right.
///
/// It never changes the predicted class. It is fitted on held-out sentences.
package enum Temperature {
    static let range = 0.2...5.0

    /// The temperature with the lowest log loss, by golden-section search over its logarithm.
    /// - Parameters:
    ///   - probabilities: Row-major, one row for each of `targets`.
    package static func fit(_ probabilities: [Float], targets: [Int], classes: Int) -> Double {
        let logarithms = probabilities.map { log(Double(max($0, .leastNormalMagnitude))) }
        func loss(_ exponent: Double) -> Double {
            let inverse = exp(-exponent)
            var total = 0.0
            for (row, target) in targets.enumerated() {
                let scores = logarithms[row * classes..<(row + 1) * classes]
                let top = scores.max()!
                let sum = scores.reduce(0) { $0 + exp(($1 - top) * inverse) }
                total += log(sum) - (scores[row * classes + target] - top) * inverse
            }
            return total
        }
        let golden = (5.0.squareRoot() - 1) / 2
        var (low, high) = (log(range.lowerBound), log(range.upperBound))
        var (left, right) = (high - golden * (high - low), low + golden * (high - low))
        var (leftLoss, rightLoss) = (loss(left), loss(right))
        for _ in 0..<24 {
            if leftLoss < rightLoss {
                (high, right, rightLoss) = (right, left, leftLoss)
                left = high - golden * (high - low)
                leftLoss = loss(left)
            } else {
                (low, left, leftLoss) = (left, right, rightLoss)
                right = low + golden * (high - low)
                rightLoss = loss(right)
            }
        }
        return exp((low + high) / 2)
    }

    /// Each row of a matrix of probabilities, rescaled with this temperature.
    static func apply(_ temperature: Double, toRowsOf matrix: [Float], classes: Int) -> [Float] {
        stride(from: 0, to: matrix.count, by: classes).flatMap { apply(temperature, to: matrix[$0..<$0 + classes]) }
    }

    /// Probabilities rescaled with this temperature.
    package static func apply(_ temperature: Double, to probabilities: ArraySlice<Float>) -> [Float] {
        let logarithms = probabilities.map { log(Double(max($0, .leastNormalMagnitude))) }
        let top = logarithms.max() ?? 0
        let powers = logarithms.map { exp(($0 - top) / temperature) }
        let sum = powers.reduce(0, +)
        return powers.map { Float($0 / sum) }
    }
}
