/// What a model is: the part of its metadata that every reply and every health check names.
package struct ModelDescription: Sendable, Hashable {
    /// The name given at training, for example `intents-fr`.
    package var name: String
    /// The first 12 hexadecimal digits of the SHA-256 of the model's content.
    package var version: String
    /// The classes, in the order of the columns of every probability matrix.
    package var labels: [String]
    /// The language of the sentences, as a BCP 47 tag such as `fr`, or `und` when nobody said.
    package var language: String

    /// `NAME@VERSION`, as replies carry it.
    package var identifier: String { "\(name)@\(version)" }

    /// Describes a model; programs get one from a `Classifier`.
    package init(name: String, version: String, labels: [String], language: String) {
        self.name = name
        self.version = version
        self.labels = labels
        self.language = language
    }
}

/// A loaded model, shared by all threads. The work happens in sessions, one for each thread.
///
/// This is the seam for other kinds of model: a neural network that runs batches through an inference library conforms
/// to the same two protocols, its session holding that library's request and input tensors.
package protocol Classifier: Sendable {
    /// Name, version, classes and language.
    var model: ModelDescription { get }

    /// Makes a session: the scratch memory that one thread needs to classify.
    func makeSession() throws(ClassifierError) -> any ClassifierSession
}

/// The scratch memory of one thread. Not for two threads at once; allocates nothing once warm.
package protocol ClassifierSession: AnyObject {
    /// Classifies a batch of sentences.
    ///
    /// The result for a sentence does not depend on the others of its batch, nor on what the session saw before.
    ///
    /// - Parameters:
    ///   - sentences: UTF-8 bytes, borrowed for the call. Bytes that are not UTF-8 separate words; nothing is refused.
    ///   - probabilities: Row-major, `sentences.count` rows of `labels.count` columns; each row sums to 1.
    /// - Throws: `ClassifierError` if the matrix has another size, or a backend fails.
    func classify(
        _ sentences: UnsafeBufferPointer<UnsafeRawBufferPointer>, into probabilities: UnsafeMutableBufferPointer<Float>
    ) throws(ClassifierError)
}

/// Why a batch could not be classified.
package struct ClassifierError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong, as a program sees it.
    package enum Code: String, Sendable {
        /// The matrix for the probabilities does not have sentences × classes elements.
        case wrongMatrixSize
        /// The inference backend failed.
        case backendFailed
        /// What came back for a sentence is no distribution over the classes.
        case noDistribution
    }

    /// What went wrong, as a program sees it.
    package let code: Code
    /// What went wrong, as an operator reads it; holds nothing of the sentences.
    package let message: String

    /// Makes an error; for implementations of `ClassifierSession`.
    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    /// One line for people.
    package var description: String { message }
}

extension Classifier {
    /// Classifies sentences of several kinds and looks at what comes back: to be called before a model is used, so that one
    /// whose numbers make no sense is refused whole, and not found out sentence by sentence.
    ///
    /// - Throws: what the session throws, or ``ClassifierError/Code/noDistribution``.
    package func tryOut() throws(ClassifierError) {
        let session = try makeSession()
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
                        "model \(model.identifier): its answers are no probabilities (a sentence's add up to \(sum)); "
                        + "its numbers are damaged, train it anew")
            }
        }
    }
}

extension ClassifierSession {
    /// Classifies one sentence, for tools and tests: allocates the row that it returns.
    package func classify(_ sentence: String, classes: Int) throws(ClassifierError) -> [Float] {
        var row = [Float](repeating: 0, count: classes)
        var copy = sentence
        let outcome: Result<Void, ClassifierError> = copy.withUTF8 { bytes in
            withUnsafePointer(to: UnsafeRawBufferPointer(bytes)) { sentences in
                row.withUnsafeMutableBufferPointer { row in
                    Result { () throws(ClassifierError) in
                        try classify(UnsafeBufferPointer(start: sentences, count: 1), into: row)
                    }
                }
            }
        }
        try outcome.get()
        return row
    }
}
