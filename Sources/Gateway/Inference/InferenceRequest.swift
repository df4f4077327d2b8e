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
        /// How many of the likeliest classes to name for each sentence, in place of the probability of each class.
        var topClasses: Int?
    }

    /// The name of the only input that a model takes.
    static let inputName = "text"

    /// The caller's name for the request.
    var id: String?
    /// Whether the caller exchanges whole tables, a column for each tensor: MLServer's content type `pd`.
    var isTable = false
    /// The elements of the text tensor, in row-major order.
    var sentences: [Sentence] = []
    /// What to answer with, in this order.
    var outputs: [Output] = []
}

extension CallResult {
    /// The answers to all sentences. The protocol has no place for an error of one element, so the first fails all.
    func allAnswers() throws(GatewayError) -> [Answer] {
        var answers: [Answer] = []
        answers.reserveCapacity(outcomes.count)
        for (index, outcome) in outcomes.enumerated() {
            switch outcome {
            case .success(let answer): answers.append(answer)
            case .failure(let error): throw .element(index, error)
            }
        }
        return answers
    }
}
