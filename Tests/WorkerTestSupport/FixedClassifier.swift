package import Classification

/// A classifier of two classes for tests: `question` is sure of sentences that hold a question mark. It fails on a batch
/// with a sentence that holds "boom". If its model has an encoder, that answers the statements, and takes a millisecond.
package struct FixedClassifier: Classifier {
    package var model = ModelDescription(
        name: "fixed", version: "0123456789ab", labels: ["question", "statement"], language: "und")
    /// What its probabilities are multiplied by.
    package var factor: Float
    /// Its sessions hold it too, so that a test can tell when none of them is left.
    package var token: Token?

    package final class Token: Sendable {
        package init() {}
    }

    package init(model: ModelDescription? = nil, factor: Float = 1) {
        if let model { self.model = model }
        self.factor = factor
    }

    package func makeSession() throws(ClassifierError) -> any ClassifierSession {
        Session(factor: factor, hasEncoder: model.hasEncoder, token: token)
    }

    private final class Session: ClassifierSession {
        private let factor: Float
        private let hasEncoder: Bool
        private let token: Token?

        init(factor: Float, hasEncoder: Bool, token: Token?) {
            self.factor = factor
            self.token = token
            self.hasEncoder = hasEncoder
        }

        var encoderTime: Duration { hasEncoder ? .milliseconds(1) : .zero }

        func classify(
            _ sentences: UnsafeBufferPointer<UnsafeRawBufferPointer>,
            into probabilities: UnsafeMutableBufferPointer<Float>,
            outcomes: UnsafeMutablePointer<SentenceOutcome>?, isExpired: (Int) -> Bool
        ) throws(ClassifierError) {
            guard probabilities.count == sentences.count * 2 else {
                throw ClassifierError(code: .wrongMatrixSize, message: "not two columns")
            }
            for (index, bytes) in sentences.enumerated() {
                let sentence = String(decoding: bytes, as: UTF8.self)
                if sentence.contains("boom") { throw ClassifierError(code: .backendFailed, message: "boom") }
                probabilities[index * 2] = factor * (sentence.contains("?") ? 0.9 : 0.1)
                probabilities[index * 2 + 1] = factor * (sentence.contains("?") ? 0.1 : 0.9)
                let isOfEncoder = hasEncoder && !sentence.contains("?")
                outcomes?[index] = !isOfEncoder ? [] : isExpired(index) ? .expired : .byEncoder
            }
        }
    }
}
