/// A request of the Open Inference Protocol as the gateway needs it.
struct InferenceRequest {
    /// One of the tensors that a model gives.
    enum OutputName: String {
        case probabilities
        case label
    }

    /// One tensor that the caller wants.
    struct Output {
        let name: OutputName
        /// Whether its elements come after the JSON as bytes, as Triton's clients like it.
        let isBinary: Bool
    }

    /// The caller's name for the request.
    var id: String?
    /// The elements of the text tensor, in row-major order.
    var sentences: [Sentence] = []
    /// What to answer with, in this order.
    var outputs: [Output] = []
}
