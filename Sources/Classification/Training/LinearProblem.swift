internal import Foundation

/// Multinomial logistic regression over some of a corpus's sentences: the function that training minimises.
///
/// Σ weight·(−log p(right class)) + ‖W‖² / 2C, where a sentence's scores are W times its features, those divided by
/// their length. Features that occur equally often in the same sentences are one column, as long as they all together:
/// the minimum is the same, and half of all features of natural text are such that occur in one sentence.
final class LinearProblem {
    /// Eights of classes, the columns of W and the number of rows of a point: columns and one of biases.
    let chunks: Int
    let columns: Int
    var pointCount: Int { (columns + 1) * chunks }

    private let classes: Int
    private let inverseRegularization: Float
    private let targets: [Int32]
    private let weights: [Float]

    /// Units that occur, as columns with coefficients; sentences as units and the factor that makes their length 1.
    private var unitStarts: [Int32] = [0]
    private var unitColumns: [Int32] = []
    private var unitCoefficients: [Float] = []
    private var sentenceStarts: [Int32] = [0]
    private var sentenceUnits: [Int32] = []
    private var sentenceFactors: [Float] = []

    /// The column of each feature of the corpus, −1 for one that is not used, and the length of each column.
    private var columnOfFeature: [Int32]
    private var columnLengths: [Float] = []
    private let values: [Float]

    private let unitSums: UnsafeMutablePointer<SIMD8<Float>>
    private let unitGradients: UnsafeMutablePointer<SIMD8<Float>>
    private let scores: UnsafeMutablePointer<SIMD8<Float>>

    init(
        _ corpus: FeatureCorpus, sentences: [Int], targets: [Int32], classWeights: [Float], classes: Int,
        options: LinearTrainer.Options
    ) {
        self.classes = classes
        chunks = (classes + 7) / 8
        inverseRegularization = Float(options.inverseRegularization)
        self.targets = sentences.map { targets[$0] }
        weights = self.targets.map { classWeights[Int($0)] }
        let weighting = FeatureWeighting(corpus, sentences: sentences, options: options)
        values = weighting.values
        columnOfFeature = [Int32](repeating: -1, count: values.count)

        var columnOfSignature: [UInt64: Int32] = [:]
        for feature in values.indices where values[feature] > 0 {
            let next = Int32(columnLengths.count)
            let column = columnOfSignature[weighting.signatures[feature], default: next]
            if column == next {
                columnOfSignature[weighting.signatures[feature]] = next
                columnLengths.append(0)
            }
            columnOfFeature[feature] = column
            columnLengths[Int(column)] += values[feature] * values[feature]
        }
        for column in columnLengths.indices { columnLengths[column].formSquareRoot() }
        columns = columnLengths.count

        var numberOfUnit = [Int32](repeating: -1, count: corpus.unitCount)
        var masses: [Float] = []
        var coefficients: [Int32: Float] = [:]
        for sentence in sentences {
            var mass: Float = 0
            for unit in corpus.units(ofSentence: sentence) {
                if numberOfUnit[Int(unit)] < 0 {
                    numberOfUnit[Int(unit)] = Int32(masses.count)
                    coefficients.removeAll(keepingCapacity: true)
                    var unitMass: Float = 0
                    for feature in corpus.features(ofUnit: Int(unit)) where values[Int(feature)] > 0 {
                        let square = values[Int(feature)] * values[Int(feature)]
                        let column = columnOfFeature[Int(feature)]
                        coefficients[column, default: 0] += square / columnLengths[Int(column)]
                        unitMass += square
                    }
                    for column in coefficients.keys.sorted() {
                        unitColumns.append(column)
                        unitCoefficients.append(coefficients[column]!)
                    }
                    unitStarts.append(Int32(unitColumns.count))
                    masses.append(unitMass)
                }
                sentenceUnits.append(numberOfUnit[Int(unit)])
                mass += masses[Int(numberOfUnit[Int(unit)])]
            }
            sentenceStarts.append(Int32(sentenceUnits.count))
            sentenceFactors.append(mass > 0 ? 1 / mass.squareRoot() : 0)
        }
        unitSums = .allocate(capacity: masses.count * chunks)
        unitGradients = .allocate(capacity: masses.count * chunks)
        scores = .allocate(capacity: chunks)
    }

    deinit {
        unitSums.deallocate()
        unitGradients.deallocate()
        scores.deallocate()
    }

    /// The value of the function at `point`; its gradient goes to `gradient`. Both have `pointCount` elements.
    func evaluate(_ point: UnsafePointer<SIMD8<Float>>, _ gradient: UnsafeMutablePointer<SIMD8<Float>>) -> Double {
        let units = unitStarts.count - 1
        let size = columns * chunks
        let shrinkage = 1 / inverseRegularization
        var penalty = 0.0
        for start in stride(from: 0, to: size, by: 256) {
            var squares = SIMD8<Float>.zero
            for place in start..<min(start + 256, size) {
                squares += point[place] * point[place]
                gradient[place] = point[place] * shrinkage
            }
            penalty += Double(squares.sum())
        }
        for chunk in 0..<chunks { gradient[size + chunk] = .zero }

        unitStarts.withUnsafeBufferPointer { starts in
            for unit in 0..<units {
                let sums = unitSums + unit * chunks
                for chunk in 0..<chunks { sums[chunk] = .zero }
                for place in Int(starts[unit])..<Int(starts[unit + 1]) {
                    let row = point + Int(unitColumns[place]) * chunks
                    for chunk in 0..<chunks { sums[chunk] += row[chunk] * unitCoefficients[place] }
                }
            }
        }
        unitGradients.update(repeating: .zero, count: units * chunks)
        var loss = 0.0
        for sentence in targets.indices {
            loss += addSentence(sentence, biases: point + size, biasGradient: gradient + size)
        }
        for unit in 0..<units {
            let sums = unitGradients + unit * chunks
            for place in Int(unitStarts[unit])..<Int(unitStarts[unit + 1]) {
                let row = gradient + Int(unitColumns[place]) * chunks
                for chunk in 0..<chunks { row[chunk] += sums[chunk] * unitCoefficients[place] }
            }
        }
        return loss + 0.5 * penalty * Double(shrinkage)
    }

    /// The loss of one sentence; adds its part of the gradient to its units and to the biases.
    @inline(__always)
    private func addSentence(
        _ sentence: Int, biases: UnsafePointer<SIMD8<Float>>, biasGradient: UnsafeMutablePointer<SIMD8<Float>>
    ) -> Double {
        let range = Int(sentenceStarts[sentence])..<Int(sentenceStarts[sentence + 1])
        let factor = sentenceFactors[sentence]
        for chunk in 0..<chunks { scores[chunk] = .zero }
        for place in range {
            let sums = unitSums + Int(sentenceUnits[place]) * chunks
            for chunk in 0..<chunks { scores[chunk] += sums[chunk] }
        }
        for chunk in 0..<chunks { scores[chunk] = scores[chunk] * factor + biases[chunk] }
        let lanes = UnsafeMutableRawPointer(scores).assumingMemoryBound(to: Float.self)
        for lane in classes..<max(classes, chunks * 8) { lanes[lane] = LinearModel.noClass }
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
            let sums = unitGradients + Int(sentenceUnits[place]) * chunks
            for chunk in 0..<chunks { sums[chunk] += scores[chunk] }
        }
        return loss * Double(weight)
    }

    /// Calls `body` with each feature in use, what it adds to the square of a sentence's length, and what it adds to the
    /// scores of the classes at `point`.
    func forEachFeature(
        at point: UnsafePointer<SIMD8<Float>>, _ body: (_ feature: Int, _ mass: Float, _ weights: [Float]) -> Void
    ) {
        let lanes = UnsafeRawPointer(point).assumingMemoryBound(to: Float.self)
        for feature in values.indices where columnOfFeature[feature] >= 0 {
            let column = Int(columnOfFeature[feature])
            let square = values[feature] * values[feature]
            let factor = square / columnLengths[column]
            let row = lanes + column * chunks * 8
            body(feature, square, (0..<classes).map { row[$0] * factor })
        }
    }
}
