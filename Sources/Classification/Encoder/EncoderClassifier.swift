/// A model with a neural encoder: a cascade of a linear model and a head on the encoder, or a classifier that was trained
/// elsewhere and is all in its network.
final class EncoderClassifier: Classifier {
    enum Stages {
        case cascade(linear: LinearClassifier, head: EmbeddingHead, blend: Blend)
        case finished
    }

    let model: ModelDescription
    let encoder: TextEncoder
    let stages: Stages

    init(model: ModelDescription, encoder: TextEncoder, stages: Stages) {
        self.model = model
        self.encoder = encoder
        self.stages = stages
    }

    func makeSession() throws(ClassifierError) -> any ClassifierSession {
        switch stages {
        case .cascade(let linear, let head, let blend):
            CascadeSession(linear: LinearSession(linear), head: head, blend: blend, engine: try encoder.makeEngine())
        case .finished: FinishedSession(classes: model.labels.count, engine: try encoder.makeEngine())
        }
    }
}

/// The linear model answers what it is sure of; the encoder is asked for the rest.
final class CascadeSession: ClassifierSession {
    private let linear: LinearSession
    private let head: EmbeddingHead
    private let blend: Blend
    private let engine: EncoderEngine
    private let scores: UnsafeMutablePointer<SIMD8<Float>>
    private var asked: [Int] = []
    private(set) var encoderTime = Duration.zero

    init(linear: LinearSession, head: EmbeddingHead, blend: Blend, engine: EncoderEngine) {
        self.linear = linear
        self.head = head
        self.blend = blend
        self.engine = engine
        scores = .allocate(capacity: head.chunks)
    }

    deinit { scores.deallocate() }

    func classify(
        _ sentences: UnsafeBufferPointer<UnsafeRawBufferPointer>, into probabilities: UnsafeMutableBufferPointer<Float>,
        outcomes: UnsafeMutablePointer<SentenceOutcome>?, isExpired: (Int) -> Bool
    ) throws(ClassifierError) {
        encoderTime = .zero
        guard !sentences.isEmpty else { return }
        guard let outcomes else {
            var own = [SentenceOutcome](repeating: [], count: sentences.count)
            return try own.withUnsafeMutableBufferPointer { own throws(ClassifierError) in
                try classify(sentences, into: probabilities, outcomes: own.baseAddress, isExpired: isExpired)
            }
        }
        try linear.classify(sentences, into: probabilities, outcomes: outcomes, isExpired: isExpired)
        let classes = head.classes
        asked.removeAll(keepingCapacity: true)
        for index in sentences.indices {
            var confidence: Float = 0
            for column in index &* classes..<(index &+ 1) &* classes {
                confidence = max(confidence, probabilities[column])
            }
            if blend.asks(confidence: confidence, isKnown: !outcomes[index].contains(.unknown)) { asked.append(index) }
        }
        guard !asked.isEmpty else { return }
        let start = ContinuousClock.now
        defer { encoderTime = ContinuousClock.now - start }
        try engine.encode(sentences, selected: asked, outcomes: outcomes, isExpired: isExpired) { index, embedding in
            guard let embedding = embedding?.baseAddress else { return }
            head.classify(embedding, temperature: Float(blend.headTemperature), into: scores)
            blend.apply(
                UnsafeRawPointer(scores).assumingMemoryBound(to: Float.self),
                to: UnsafeMutableBufferPointer(
                    rebasing: probabilities[index &* classes..<(index &+ 1) &* classes]),
                isKnown: !outcomes[index].contains(.unknown))
            outcomes[index] = .byEncoder
        }
    }
}

/// The network's scores are those of the classes.
final class FinishedSession: ClassifierSession {
    private let classes: Int
    private let engine: EncoderEngine
    private let scores: UnsafeMutablePointer<SIMD8<Float>>
    private var all: [Int] = []
    private(set) var encoderTime = Duration.zero

    init(classes: Int, engine: EncoderEngine) {
        self.classes = classes
        self.engine = engine
        scores = .allocate(capacity: (classes + 7) / 8)
    }

    deinit { scores.deallocate() }

    func classify(
        _ sentences: UnsafeBufferPointer<UnsafeRawBufferPointer>, into probabilities: UnsafeMutableBufferPointer<Float>,
        outcomes: UnsafeMutablePointer<SentenceOutcome>?, isExpired: (Int) -> Bool
    ) throws(ClassifierError) {
        guard probabilities.count == sentences.count * classes else {
            throw ClassifierError(code: .wrongMatrixSize, message: "the matrix of probabilities has the wrong size")
        }
        all.removeAll(keepingCapacity: true)
        all.append(contentsOf: sentences.indices)
        let start = ContinuousClock.now
        defer { encoderTime = ContinuousClock.now - start }
        try engine.encode(sentences, selected: all, outcomes: outcomes, isExpired: isExpired) { index, logits in
            let row = UnsafeMutableBufferPointer(rebasing: probabilities[index * classes..<(index + 1) * classes])
            // Nothing is known of a sentence without a token.
            guard let logits else {
                row.update(repeating: 1 / Float(classes))
                outcomes?[index] = [.unknown, .byEncoder]
                return
            }
            let chunks = (classes + 7) / 8
            let lanes = UnsafeMutableRawPointer(scores).assumingMemoryBound(to: Float.self)
            for label in 0..<chunks * 8 { lanes[label] = label < classes ? logits[label] : LinearModel.noClass }
            Softmax.apply(scores, chunks: chunks)
            for label in 0..<classes { row[label] = lanes[label] }
            outcomes?[index] = .byEncoder
        }
    }
}
