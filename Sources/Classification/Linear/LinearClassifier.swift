internal import Foundation

/// A sparse linear model: sums the weights of a sentence's words, word pairs and character n-grams, divides by the norm
/// of its feature vector, and applies softmax.
final class LinearClassifier: Classifier, @unchecked Sendable {
    // Immutable after initialisation, pointers into `storage` included; hence `@unchecked Sendable`.
    let model: ModelDescription
    let table: WeightTable
    /// One lane per class, relative to class 0; padding lanes hold `LinearModel.noClass`.
    let biases: UnsafePointer<SIMD8<Float>>
    /// The scores of a sentence without known features: log priors, which softmax turns into the class shares of the
    /// training sentences.
    let shares: UnsafePointer<SIMD8<Float>>
    let weightScale: Float
    let massScale: Float
    /// The number of 8-lane vectors in a row.
    let chunks: Int
    private let storage: ModelStorage

    init(model: ModelDescription, layout: LinearLayout, storage: ModelStorage, sentencesOfClass: [Int]) {
        self.model = model
        self.storage = storage
        let base = UnsafeRawPointer(storage.bytes.baseAddress!)
        biases = (base + layout.biases).assumingMemoryBound(to: SIMD8<Float>.self)
        table = WeightTable(
            bucketStarts: (base + layout.bucketStarts).assumingMemoryBound(to: UInt32.self),
            tags: (base + layout.tags).assumingMemoryBound(to: UInt32.self),
            rows: (base + layout.rows).assumingMemoryBound(to: SIMD8<Int16>.self),
            shift: UInt64(64 - layout.bucketBits))
        weightScale = layout.weightScale
        massScale = layout.massScale
        chunks = layout.chunks
        shares = Self.logarithms(ofSharesIn: sentencesOfClass, chunks: chunks)
    }

    deinit { shares.deallocate() }

    private static func logarithms(ofSharesIn counts: [Int], chunks: Int) -> UnsafePointer<SIMD8<Float>> {
        let lanes = UnsafeMutablePointer<SIMD8<Float>>.allocate(capacity: chunks)
        lanes.initialize(repeating: SIMD8(repeating: LinearModel.noClass), count: chunks)
        let total = counts.reduce(0) { $0 + Double($1) }
        for (label, count) in counts.enumerated() where count > 0 {
            lanes[label / 8][label % 8] = Float(log(Double(count) / total))
        }
        return UnsafePointer(lanes)
    }

    func makeSession() throws(ClassifierError) -> any ClassifierSession { LinearSession(self) }
}
