internal import Foundation

/// A sparse linear model: the sum of the weights of a sentence's words, word pairs and character n-grams, divided by the
/// sentence's length in feature space, turned into a distribution by softmax.
final class LinearClassifier: Classifier, @unchecked Sendable {
    // Immutable after initialisation, pointers into `storage` included; hence `@unchecked Sendable`.
    let model: ModelDescription
    let table: WeightTable
    /// One lane for each class, less that of class 0; lanes without a class hold a score that no class falls to.
    let biases: UnsafePointer<SIMD8<Float>>
    /// The scores of a sentence of which the model knows nothing: what softmax turns into the shares of the classes
    /// among the sentences of the training.
    let shares: UnsafePointer<SIMD8<Float>>
    let weightScale: Float
    let massScale: Float
    /// Eights of lanes in a row.
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
