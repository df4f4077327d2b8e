internal import CBuild

/// The program version. A test checks the copies in the specifications and the image against it.
package enum ProgramVersion {
    package static let number = "0.1.0"
    /// The commit it was built from; nil if the build did not set `SOURCE_COMMIT`.
    package static let commit: String? = {
        let commit = String(cString: triage_commit())
        return commit.isEmpty ? nil : commit
    }()
    /// Both, such as `0.1.0 (f79f40d50e23)`.
    package static let text = commit.map { "\(number) (\($0))" } ?? number
}
