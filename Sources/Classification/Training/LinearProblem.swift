internal import Foundation

/// The objective function of multinomial logistic regression.
///
/// Σ weight·(−log p(true class)) + ‖W‖² / 2C, where the scores of a sentence are W times its normalised columns, plus a
/// bias for each class.
final class LinearProblem {
    /// The number of 8-lane vectors in a row of weights, one lane per class.
    let chunks: Int
    let matrix: DesignMatrix
    /// The number of 8-lane vectors of variables: a row for each column, and one of biases.
    var pointCount: Int { (matrix.columnCount + 1) * chunks }

    private let classes: Int
    private let shrinkage: Float
    private let targets: [Int32]
    private let weights: [Float]
    private let unitSums: UnsafeMutablePointer<SIMD8<Float>>
    private let unitGradients: UnsafeMutablePointer<SIMD8<Float>>
    private let scores: UnsafeMutablePointer<SIMD8<Float>>

    /// - Parameters:
    ///   - targets: The class of each of the matrix's sentences.
    ///   - classWeights: The weight of a sentence of each class.
    init(_ matrix: DesignMatrix, targets: [Int32], classWeights: [Float], inverseRegularization: Double) {
        self.matrix = matrix
        self.targets = targets
        classes = classWeights.count
        chunks = (classes + 7) / 8
        shrinkage = Float(1 / inverseRegularization)
        weights = targets.map { classWeights[Int($0)] }
        unitSums = .allocate(capacity: matrix.units.count * chunks)
        unitGradients = .allocate(capacity: matrix.units.count * chunks)
        scores = .allocate(capacity: chunks)
    }

    deinit {
        unitSums.deallocate()
        unitGradients.deallocate()
        scores.deallocate()
    }

    /// Returns the value at `point` and writes the gradient to `gradient`. Both have `pointCount` elements.
    func evaluate(_ point: UnsafePointer<SIMD8<Float>>, _ gradient: UnsafeMutablePointer<SIMD8<Float>>) -> Double {
        // With a constant the compiler removes the loops over chunks.
        chunks == 1 ? evaluate(point, gradient, chunks: 1) : evaluate(point, gradient, chunks: chunks)
    }

    @inline(__always)
    private func evaluate(
        _ point: UnsafePointer<SIMD8<Float>>, _ gradient: UnsafeMutablePointer<SIMD8<Float>>, chunks: Int
    ) -> Double {
        let size = matrix.columnCount * chunks
        let penalty = shrink(point, gradient, size)
        for chunk in 0..<chunks { gradient[size + chunk] = .zero }

        let units = matrix.units
        for unit in 0..<units.count {
            let sums = unitSums + unit &* chunks
            for chunk in 0..<chunks { sums[chunk] = .zero }
            for place in units[unit] {
                let row = point + Int(units.places[place]) &* chunks
                let coefficient = matrix.coefficients[place]
                for chunk in 0..<chunks { sums[chunk] += row[chunk] * coefficient }
            }
        }
        unitGradients.update(repeating: .zero, count: units.count * chunks)
        var loss = 0.0
        for sentence in targets.indices {
            loss += addSentence(sentence, biases: point + size, biasGradient: gradient + size, chunks: chunks)
        }
        for unit in 0..<units.count {
            let sums = unitGradients + unit &* chunks
            for place in units[unit] {
                let row = gradient + Int(units.places[place]) &* chunks
                let coefficient = matrix.coefficients[place]
                for chunk in 0..<chunks { row[chunk] += sums[chunk] * coefficient }
            }
        }
        return loss + penalty
    }

    /// The L2 penalty on weights (not on biases), and its gradient.
    private func shrink(
        _ point: UnsafePointer<SIMD8<Float>>, _ gradient: UnsafeMutablePointer<SIMD8<Float>>, _ size: Int
    ) -> Double {
        var total = 0.0
        for start in stride(from: 0, to: size, by: 256) {
            var squares = SIMD8<Float>.zero
            for place in start..<min(start + 256, size) {
                squares += point[place] * point[place]
                gradient[place] = point[place] * shrinkage
            }
            total += Double(squares.sum())
        }
        return 0.5 * total * Double(shrinkage)
    }

    /// Returns the loss of one sentence and adds its gradient to its units and the biases.
    @inline(__always)
    private func addSentence(
        _ sentence: Int, biases: UnsafePointer<SIMD8<Float>>, biasGradient: UnsafeMutablePointer<SIMD8<Float>>,
        chunks: Int
    ) -> Double {
        let range = matrix.sentences[sentence]
        let factor = matrix.factors[sentence]
        for chunk in 0..<chunks { scores[chunk] = .zero }
        for place in range {
            let sums = unitSums + Int(matrix.sentences.places[place]) &* chunks
            for chunk in 0..<chunks { scores[chunk] += sums[chunk] }
        }
        for chunk in 0..<chunks { scores[chunk] = scores[chunk] * factor + biases[chunk] }
        let lanes = UnsafeMutableRawPointer(scores).assumingMemoryBound(to: Float.self)
        for lane in classes..<chunks * 8 { lanes[lane] = LinearModel.noClass }
        Softmax.apply(scores, chunks: chunks)
        let target = Int(targets[sentence])
        let loss = -log(Double(max(lanes[target], .leastNormalMagnitude)))
        lanes[target] -= 1
        let weight = weights[sentence]
        for chunk in 0..<chunks {
            scores[chunk] *= weight
            biasGradient[chunk] += scores[chunk]
            scores[chunk] *= factor
        }
        for place in range {
            let sums = unitGradients + Int(matrix.sentences.places[place]) &* chunks
            for chunk in 0..<chunks { sums[chunk] += scores[chunk] }
        }
        return loss * Double(weight)
    }

    /// The weights of each feature and the biases at a point, in the form that classification uses.
    func weights(at point: UnsafePointer<SIMD8<Float>>, hashes: [UInt64]) -> LinearWeights {
        let lanes = UnsafeRawPointer(point).assumingMemoryBound(to: Float.self)
        var result = LinearWeights()
        matrix.forEachFeature { feature, column, share, mass in
            result.features.append(hashes[feature])
            result.masses.append(mass)
            let row = lanes + column * chunks * 8
            for lane in 0..<classes { result.weights.append(row[lane] * share) }
        }
        let biases = lanes + matrix.columnCount * chunks * 8
        result.biases = (0..<classes).map { biases[$0] }
        return result
    }
}
