/// A trained linear model as the bytes of its file.
public struct LinearModel: Sendable {
    /// The whole content of the model file.
    public let bytes: [UInt8]
    /// Name, version, classes and language.
    public let description: ModelDescription
    /// What the model says about itself.
    public let metadata: ModelMetadata
    /// What cross-validation gave when the model was trained, class by class; not in the file.
    public internal(set) var validation: Evaluation?

    /// The score of a lane without a class: so low that its probability is 0 beside any other.
    static let noClass: Float = -1e9

    /// A classifier that works on a copy of the bytes, without a file.
    public func makeClassifier() throws(ModelFileError) -> any Classifier {
        guard let storage = ModelStorage(byteCount: bytes.count) else {
            throw ModelFileError(.unreadable, "in memory", "needs \(bytes.count) bytes, which are not to be had")
        }
        storage.bytes.copyBytes(from: bytes)
        let (layout, _) = try ModelFile.verify(storage, "in memory")
        return LinearClassifier(
            model: description, layout: layout, storage: storage,
            sentencesOfClass: metadata.trainingData.sentencesOfClass)
    }
}
