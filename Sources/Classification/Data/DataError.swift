/// Why labelled sentences could not be read.
public struct DataError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong, as a program sees it.
    public enum Code: String, Sendable {
        /// There is no such file (exit code 66).
        case missing
        /// The file is there and cannot be read.
        case unreadable
        /// The content does not follow its format.
        case malformed
        /// The file holds no sentence.
        case empty
    }

    /// What went wrong, as a program sees it.
    public let code: Code
    /// The path of the file.
    public let path: String
    /// The line, counted from 1; nil when the trouble is with the whole file.
    public let line: Int?
    /// The reason, and what to do about it.
    public let reason: String

    init(_ code: Code, _ path: String, line: Int? = nil, _ reason: String) {
        self.code = code
        self.path = path
        self.line = line
        self.reason = reason
    }

    /// Whether there is no such file, as opposed to a file that is wrong.
    public var isMissing: Bool { code == .missing }

    /// One line for people.
    public var description: String { path + (line.map { ":\($0)" } ?? "") + ": \(reason)" }
}
