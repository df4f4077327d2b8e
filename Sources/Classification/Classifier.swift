/// The part of a model's metadata that every reply and health check reports.
package struct ModelDescription: Sendable, Hashable {
    /// The name given at training, for example `intents-fr`.
    package var name: String
    /// The first 12 hexadecimal digits of the SHA-256 of the model's content.
    package var version: String
    /// The classes, in the order of the columns of every probability matrix.
    package var labels: [String]
    /// The language of the sentences, a BCP 47 tag such as `fr`; `und` if unspecified.
    package var language: String
    /// The least confidence for which the model was trained to answer, see `LinearTrainer.Options.targetPrecision`; nil if
    /// it was trained without.
    package var threshold: Double?
    /// Whether a neural encoder answers, at least some sentences: replies then say which stage did, and a batch takes
    /// hundreds of times as long.
    package var hasEncoder: Bool

    /// `NAME@VERSION`, as in replies.
    package var identifier: String { "\(name)@\(version)" }

    /// Makes a description; usually a `Classifier` provides it.
    package init(
        name: String, version: String, labels: [String], language: String, threshold: Double? = nil,
        hasEncoder: Bool = false
    ) {
        self.threshold = threshold
        self.hasEncoder = hasEncoder
        self.name = name
        self.version = version
        self.labels = labels
        self.language = language
    }
}

/// A loaded model, shared by all threads. Each thread classifies with its own session.
///
/// There are two kinds: `LinearClassifier`, and `EncoderClassifier`, which runs a neural encoder in OpenVINO.
package protocol Classifier: Sendable {
    /// Name, version, classes and language.
    var model: ModelDescription { get }

    /// Makes a session: the scratch memory with which one thread classifies.
    func makeSession() throws(ClassifierError) -> any ClassifierSession
}

/// The scratch memory of one thread. Not thread-safe; allocates nothing after warm-up.
package protocol ClassifierSession: AnyObject {
    /// Classifies a batch of sentences.
    ///
    /// The result for a sentence does not depend on the rest of its batch or on earlier batches. (With an encoder it may, by
    /// little: see ``TextEncoder/neighbourBound``.)
    ///
    /// - Parameters:
    ///   - sentences: UTF-8 bytes, borrowed for the call. Invalid UTF-8 separates words; nothing is rejected.
    ///   - probabilities: Row-major, `sentences.count` rows of `labels.count` columns; each row sums to 1.
    ///   - outcomes: gets how each result came about, one element for each sentence; nil if nobody wants to know.
    ///   - isExpired: whether nobody waits any more for the sentence at an index. A session that takes long asks right before
    ///     it turns to a sentence, and leaves out those; their rows are undefined.
    /// - Throws: `ClassifierError` if the matrix has the wrong size, or a backend fails.
    func classify(
        _ sentences: UnsafeBufferPointer<UnsafeRawBufferPointer>, into probabilities: UnsafeMutableBufferPointer<Float>,
        outcomes: UnsafeMutablePointer<SentenceOutcome>?, isExpired: (Int) -> Bool
    ) throws(ClassifierError)

    /// How long the encoder took in the last call; zero for a model without one.
    var encoderTime: Duration { get }
}

/// How the result for a sentence came about.
package struct SentenceOutcome: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The model knows nothing of the sentence: what it returns is the classes' shares of its training sentences.
    package static let unknown = SentenceOutcome(rawValue: 1)
    /// The encoder was asked.
    package static let byEncoder = SentenceOutcome(rawValue: 2)
    /// Left out: nobody waits for it any more.
    package static let expired = SentenceOutcome(rawValue: 4)
}

extension ClassifierSession {
    /// Classifies all sentences, whoever waits for them, without telling how the results came about.
    package func classify(
        _ sentences: UnsafeBufferPointer<UnsafeRawBufferPointer>, into probabilities: UnsafeMutableBufferPointer<Float>
    ) throws(ClassifierError) {
        try classify(sentences, into: probabilities, outcomes: nil, isExpired: { _ in false })
    }

    package var encoderTime: Duration { .zero }
}

/// Why a batch could not be classified.
package struct ClassifierError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The machine-readable reason.
    package enum Code: String, Sendable {
        /// The matrix of probabilities does not have sentences × classes elements.
        case wrongMatrixSize
        /// The inference backend failed.
        case backendFailed
        /// The result for a sentence is not a distribution over the classes.
        case noDistribution
    }

    /// The machine-readable reason.
    package let code: Code
    /// The human-readable reason; never quotes a sentence.
    package let message: String

    /// Makes an error; for implementations of `ClassifierSession`.
    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    /// One human-readable line.
    package var description: String { message }
}

extension Classifier {
    /// Classifies varied sample sentences and checks the results. Call it before using a model, so that a damaged one
    /// is rejected as a whole, not found out sentence by sentence.
    ///
    /// - Parameter sessions: how many are made and let go again; those that threads make soon afterwards then cost no time,
    ///   whatever the kind of model.
    /// - Throws: what the session throws, or ``ClassifierError/Code/noDistribution``.
    package func tryOut(sessions count: Int = 1) throws(ClassifierError) {
        let session = try makeSession()
        var others: [any ClassifierSession] = []
        while others.count < count - 1 { others.append(try makeSession()) }
        defer { withExtendedLifetime(others) {} }
        let sentences = [
            "", "a", "un train pour Brest demain à 8 h", "does it rain in Paris?", "Где вокзал?", "東京の天気は？",
            "😀 42 \u{0}",
            String(repeating: "long words and many of them ", count: 100),
        ]
        for sentence in sentences {
            let row = try session.classify(sentence, classes: model.labels.count)
            let sum = row.reduce(0, +)
            guard row.allSatisfy({ 0...1.001 ~= $0 }), abs(sum - 1) < 0.001 else {
                throw ClassifierError(
                    code: .noDistribution,
                    message:
                        "model \(model.identifier): its outputs are not probabilities (a sentence's add up to \(sum)); "
                        + "its weights are damaged, train it again")
            }
        }
    }
}

extension ClassifierSession {
    /// Classifies one sentence, for tools and tests: allocates the returned row.
    package func classify(_ sentence: String, classes: Int) throws(ClassifierError) -> [Float] {
        var row = [Float](repeating: 0, count: classes)
        try row.withUnsafeMutableBufferPointer { row throws(ClassifierError) in
            try withBytes(of: [sentence]) { sentences throws(ClassifierError) in try classify(sentences, into: row) }
        }
        return row
    }
}

/// Lends strings as UTF-8 bytes, for tools: allocates.
func withBytes<Value, Failure: Error>(
    of texts: some Collection<String>,
    _ body: (UnsafeBufferPointer<UnsafeRawBufferPointer>) throws(Failure) -> Value
) throws(Failure) -> Value {
    let joined = texts.flatMap { Array($0.utf8) }
    return try joined.withUnsafeBufferPointer { joined throws(Failure) in
        let bytes = UnsafeRawBufferPointer(joined)
        var start = 0
        let sentences = texts.map { text in
            defer { start += text.utf8.count }
            return UnsafeRawBufferPointer(rebasing: bytes[start..<start + text.utf8.count])
        }
        return try sentences.withUnsafeBufferPointer { sentences throws(Failure) in try body(sentences) }
    }
}
