internal import Foundation

/// The objective function of multinomial logistic regression on embeddings: Σ weight·(−log p(true class)) + ‖W‖² / 2C.
package final class DenseProblem {
    private let embeddings: Embeddings
    private let rows: [Int]
    private let targets: [Int]
    private let weights: [Float]
    private let shrinkage: Float
    private let classes: Int
    let chunks: Int
    private let scores: UnsafeMutablePointer<SIMD8<Float>>

    package var pointCount: Int { (embeddings.width + 1) * chunks }

    /// - Parameters:
    ///   - rows: the sentences to learn from.
    ///   - targets: the class of every sentence.
    package init(
        _ embeddings: Embeddings, rows: [Int], targets: [Int], classWeights: [Float], inverseRegularization: Double
    ) {
        self.embeddings = embeddings
        self.rows = rows
        self.targets = targets
        weights = classWeights
        shrinkage = Float(1 / inverseRegularization)
        classes = classWeights.count
        chunks = (classes + 7) / 8
        scores = .allocate(capacity: chunks)
    }

    deinit { scores.deallocate() }

    /// Returns the value at `point` and writes the gradient to `gradient`. Both have `pointCount` elements.
    package func evaluate(_ point: UnsafePointer<SIMD8<Float>>, _ gradient: UnsafeMutablePointer<SIMD8<Float>>)
        -> Double
    {
        chunks == 1 ? evaluate(point, gradient, chunks: 1) : evaluate(point, gradient, chunks: chunks)
    }

    @inline(__always)
    private func evaluate(
        _ point: UnsafePointer<SIMD8<Float>>, _ gradient: UnsafeMutablePointer<SIMD8<Float>>, chunks: Int
    ) -> Double {
        let width = embeddings.width
        var penalty = 0.0
        for place in 0..<width * chunks {
            gradient[place] = point[place] * shrinkage
            penalty += Double((point[place] * point[place]).sum())
        }
        for chunk in 0..<chunks { gradient[width * chunks + chunk] = .zero }
        var loss = 0.5 * penalty * Double(shrinkage)
        embeddings.values.withUnsafeBufferPointer { values in
            for row in rows {
                let embedding = values.baseAddress! + row &* width
                EmbeddingHead.score(embedding, point, width: width, into: scores, chunks: chunks)
                let lanes = UnsafeMutableRawPointer(scores).assumingMemoryBound(to: Float.self)
                for lane in classes..<chunks * 8 { lanes[lane] = LinearModel.noClass }
                Softmax.apply(scores, chunks: chunks)
                let target = targets[row]
                let weight = weights[target]
                loss -= log(Double(max(lanes[target], .leastNormalMagnitude))) * Double(weight)
                lanes[target] -= 1
                for chunk in 0..<chunks {
                    scores[chunk] *= weight
                    gradient[width &* chunks &+ chunk] += scores[chunk]
                }
                for column in 0..<width {
                    let value = embedding[column]
                    for chunk in 0..<chunks { gradient[column &* chunks &+ chunk] += scores[chunk] * value }
                }
            }
        }
        return loss
    }
}

/// The embeddings of sentences, row-major.
package struct Embeddings: Sendable {
    var values: [Float]
    let width: Int
    /// What was subtracted from every embedding, and by what the rest was divided: encoders put all sentences into a narrow
    /// cone, which optimisers and regularisation are not made for.
    private(set) var mean: [Float] = []
    private(set) var scale: Float = 1

    package init(_ values: [Float], width: Int) {
        self.values = values
        self.width = width
    }

    /// Moves the mean to zero and the mean squared length to one.
    package func standardised() -> Embeddings {
        let count = max(1, values.count / width)
        var sums = [Double](repeating: 0, count: width)
        for place in values.indices { sums[place % width] += Double(values[place]) }
        var result = self
        result.mean = sums.map { Float($0 / Double(count)) }
        var squares = 0.0
        for place in values.indices {
            result.values[place] -= result.mean[place % width]
            squares += Double(result.values[place] * result.values[place])
        }
        result.scale = Float(max((squares / Double(count)).squareRoot(), 1e-6))
        for place in values.indices { result.values[place] /= result.scale }
        return result
    }

    /// An embedding as the encoder gave it.
    package func original(_ row: Int) -> [Float] {
        (0..<width).map { values[row * width + $0] * scale + mean[$0] }
    }

    /// The head for embeddings as the encoder gives them, from one that was fitted to these.
    package func head(at point: UnsafePointer<SIMD8<Float>>, classes: Int) -> EmbeddingHead {
        let chunks = (classes + 7) / 8
        func lane(_ row: Int, _ label: Int) -> Float { point[row * chunks + label / 8][label % 8] }
        var weights: [Float] = []
        var biases = (0..<classes).map { lane(width, $0) }
        for row in 0..<width {
            for label in 0..<classes {
                let weight = lane(row, label) / scale
                weights.append(weight)
                biases[label] -= weight * mean[row]
            }
        }
        return EmbeddingHead(weights: weights, biases: biases)
    }
}
