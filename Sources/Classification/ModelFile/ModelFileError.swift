/// Why a model file could not be read or written.
public struct ModelFileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong, as a program sees it.
    public enum Code: String, Sendable {
        /// There is no such file (exit code 66).
        case missing
        /// The file is there and cannot be opened or read.
        case unreadable
        /// The file is no Triage model.
        case foreign
        /// The file was written by a newer version of this program.
        case newerFormat
        /// The file holds a kind of model that this program does not know.
        case unknownKind
        /// The file ends before the model does.
        case truncated
        /// The content does not fit its digest, or contradicts itself.
        case corrupt
        /// The file could not be written.
        case notWritten
    }

    /// What went wrong, as a program sees it.
    public let code: Code
    /// The path of the file.
    public let path: String
    /// The reason, in words.
    public let reason: String

    init(_ code: Code, _ path: String, _ reason: String) {
        self.code = code
        self.path = path
        self.reason = reason
    }

    /// Whether there is no such file, as opposed to a file that is wrong.
    public var isMissing: Bool { code == .missing }

    /// One line for people.
    public var description: String { "model \(path): \(reason)" }
}
