/// What a model file says about itself, as JSON. Holds no time, host or path: the same data, options and seed make the
/// same bytes.
public struct ModelMetadata: Sendable, Hashable, Codable {
    /// What the model was trained on.
    public struct TrainingData: Sendable, Hashable, Codable {
        /// SHA-256 over the labels and sentences in their order, in hexadecimal; the same for every file format.
        public var sha256: String
        /// The number of sentences.
        public var sentences: Int
        /// The number of sentences of each class, in the order of the classes.
        public var sentencesOfClass: [Int]
    }

    /// What cross-validation on the training data gave.
    public struct Scores: Sendable, Hashable, Codable {
        /// The number of folds.
        public var folds: Int
        /// The share of sentences whose most probable class is right.
        public var accuracy: Double
        /// The mean over classes of the harmonic mean of precision and recall.
        public var macroF1: Double
        /// The mean negative logarithm of the right class's probability.
        public var logLoss: Double
        /// The expected calibration error of the most probable class, over 15 bins.
        public var calibrationError: Double
    }

    /// The name of the model.
    public var name: String
    /// The language of its sentences, a BCP 47 tag.
    public var language: String
    /// The classes, in the order of the columns.
    public var labels: [String]
    /// What the model was trained on.
    public var trainingData: TrainingData
    /// What cross-validation gave; nil when the training skipped it.
    public var scores: Scores?
    /// How it was trained, so that the training can be repeated.
    public var options: LinearTrainer.Options
    /// What the scores were divided by so that probabilities mean what they say.
    public var temperature: Double
}
