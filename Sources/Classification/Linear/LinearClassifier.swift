/// A sparse linear model: the sum of the weights of a sentence's words, word pairs and character n-grams, divided by the
/// sentence's length in feature space, turned into a distribution by softmax.
final class LinearClassifier: Classifier, @unchecked Sendable {
    // Immutable after initialisation, pointers into `storage` included; hence `@unchecked Sendable`.
    let model: ModelDescription
    let table: WeightTable
    /// One lane for each class, less that of class 0; lanes without a class hold a score that no class falls to.
    let biases: UnsafePointer<SIMD8<Float>>
    let weightScale: Float
    let massScale: Float
    /// Eights of lanes in a row.
    let chunks: Int
    private let storage: ModelStorage

    init(model: ModelDescription, layout: LinearLayout, storage: ModelStorage) {
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
    }

    func makeSession() throws(ClassifierError) -> any ClassifierSession { LinearSession(self) }
}
