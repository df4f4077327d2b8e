internal import CBuild

/// The version of the program, wherever it is told. A test holds to it what has to write it down again: the
/// specifications and the image.
package enum ProgramVersion {
    package static let number = "0.1.0"
    /// The commit that it was built from; nil where whoever built it did not say (`SOURCE_COMMIT`).
    package static let commit: String? = {
        let commit = String(cString: triage_commit())
        return commit.isEmpty ? nil : commit
    }()
    /// Both, such as `0.1.0 (f79f40d50e23)`.
    package static let text = commit.map { "\(number) (\($0))" } ?? number
}
