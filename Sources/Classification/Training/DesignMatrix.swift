/// A subset of a corpus as a sparse matrix in two levels: sentences are sums of units, units are sums of columns.
///
/// Features that occur equally often in the same sentences are merged into one column with their combined norm. The
/// minimum is the same, and more than half of the features of natural text occur in only one sentence.
struct DesignMatrix {
    /// Compressed sparse rows: row *r* is `places[starts[r]..<starts[r + 1]]`.
    struct Rows {
        private(set) var starts: [Int32] = [0]
        var places: [Int32] = []

        var count: Int { starts.count - 1 }

        @inline(__always)
        subscript(row: Int) -> Range<Int> { Int(starts[row])..<Int(starts[row + 1]) }

        mutating func endRow() { starts.append(Int32(places.count)) }
    }

    /// The columns of each unit, and the coefficient of each.
    private(set) var units = Rows()
    private(set) var coefficients: [Float] = []
    /// The units of each sentence, repeats included, and the factor that normalises the sentence to length 1.
    private(set) var sentences = Rows()
    private(set) var factors: [Float] = []
    var columnCount: Int { columnLengths.count }

    private var columnOfFeature: [Int32]
    private var columnLengths: [Float] = []
    private let values: [Float]

    init(_ corpus: FeatureCorpus, sentences rows: [Int], options: LinearTrainer.Options) {
        let weighting = FeatureWeighting(corpus, sentences: rows, options: options)
        values = weighting.values
        columnOfFeature = [Int32](repeating: -1, count: values.count)
        mergeColumns(weighting.signatures)

        var unitNumbers = [Int32](repeating: -1, count: corpus.unitCount)
        var masses: [Float] = []
        for row in rows {
            var mass: Float = 0
            for unit in corpus.units(ofSentence: row) {
                if unitNumbers[Int(unit)] < 0 {
                    unitNumbers[Int(unit)] = Int32(masses.count)
                    masses.append(addUnit(corpus.features(ofUnit: Int(unit))))
                }
                let number = unitNumbers[Int(unit)]
                sentences.places.append(number)
                mass += masses[Int(number)]
            }
            sentences.endRow()
            factors.append(mass > 0 ? 1 / mass.squareRoot() : 0)
        }
    }

    private mutating func mergeColumns(_ signatures: [UInt64]) {
        var columnOfSignature: [UInt64: Int32] = [:]
        for feature in values.indices where values[feature] > 0 {
            let next = Int32(columnLengths.count)
            let column = columnOfSignature[signatures[feature], default: next]
            if column == next {
                columnOfSignature[signatures[feature]] = next
                columnLengths.append(0)
            }
            columnOfFeature[feature] = column
            columnLengths[Int(column)] += values[feature] * values[feature]
        }
        for column in columnLengths.indices { columnLengths[column].formSquareRoot() }
    }

    /// Adds a unit and returns its contribution to the squared norm of a sentence.
    private mutating func addUnit(_ features: ArraySlice<Int32>) -> Float {
        var mass: Float = 0
        var ofColumn: [Int32: Float] = [:]
        for feature in features where values[Int(feature)] > 0 {
            let square = values[Int(feature)] * values[Int(feature)]
            let column = columnOfFeature[Int(feature)]
            ofColumn[column, default: 0] += square / columnLengths[Int(column)]
            mass += square
        }
        for (column, coefficient) in ofColumn.sorted(by: { $0.key < $1.key }) {
            units.places.append(column)
            coefficients.append(coefficient)
        }
        units.endRow()
        return mass
    }

    /// Calls `body` with each used feature, its column, its share of the column's weights, and its contribution to the
    /// squared norm of a sentence.
    func forEachFeature(_ body: (_ feature: Int, _ column: Int, _ share: Float, _ mass: Float) -> Void) {
        for feature in values.indices where columnOfFeature[feature] >= 0 {
            let column = Int(columnOfFeature[feature])
            let mass = values[feature] * values[feature]
            body(feature, column, mass / columnLengths[column], mass)
        }
    }
}
