public import Classification

/// Where the worker's model comes from, and how it is read again.
public struct ModelSource: Sendable {
    /// The file that is watched for changes; `nil` if there is none, and then only SIGHUP reloads.
    public var path: String?
    /// Loads the model. Called at the start and for every reload, on a thread where it may block.
    public var load: @Sendable () throws -> any Classifier

    /// A source of any kind.
    public init(path: String?, load: @escaping @Sendable () throws -> any Classifier) {
        self.path = path
        self.load = load
    }

    /// Loads the model and tries it out.
    func loadTried() throws -> any Classifier {
        let classifier = try load()
        try classifier.tryOut()
        return classifier
    }

    /// A model file, as `triage train` makes it. It is read whole, so that nothing done to the file later disturbs.
    public static func file(_ path: String) -> ModelSource {
        ModelSource(path: path) { try ModelFile.load(path: path) }
    }
}
