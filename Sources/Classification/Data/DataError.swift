/// Why labelled sentences could not be read.
package struct DataError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The machine-readable reason.
    package enum Code: String, Sendable {
        /// There is no such file (exit code 66).
        case missing
        /// The file exists but cannot be read.
        case unreadable
        /// The content violates its format.
        case malformed
        /// The file contains no sentence.
        case empty
        /// All sentences have the same class, so there is nothing to distinguish.
        case oneClass
    }

    /// The machine-readable reason.
    package let code: Code
    /// The path of the file.
    package let path: String
    /// The line, counted from 1; nil if the error concerns the whole file.
    package let line: Int?
    /// The human-readable reason, and what to do about it.
    package let reason: String

    init(_ code: Code, _ path: String, line: Int? = nil, _ reason: String) {
        self.code = code
        self.path = path
        self.line = line
        self.reason = reason
    }

    /// Whether there is no such file, as opposed to an invalid file.
    package var isMissing: Bool { code == .missing }

    /// One human-readable line.
    package var description: String { path + (line.map { ":\($0)" } ?? "") + ": \(reason)" }
}

extension String {
    /// The text in quotation marks, for a one-line message: control characters are escaped, long text is truncated.
    package var quoted: String {
        var shown = ""
        var length = 0
        for scalar in unicodeScalars {
            guard length < 60 else {
                shown += "…"
                break
            }
            let isHidden = scalar.isControl || scalar.value == 0x2028 || scalar.value == 0x2029
            shown += isHidden ? "\\u{\(String(scalar.value, radix: 16, uppercase: true))}" : String(scalar)
            length += 1
        }
        return "“\(shown)”"
    }
}

extension Sequence<String> {
    /// The first few, in quotation marks, and the number of others.
    func listed(most: Int = 12) -> String {
        let all = Array(self)
        let shown = all.prefix(most).map(\.quoted).joined(separator: ", ")
        return all.count > most ? "\(shown) and \(all.count - most) more" : shown
    }
}

extension Unicode.Scalar {
    /// Whether it is a C0 or C1 control or delete.
    var isControl: Bool { value < 0x20 || 0x7F...0x9F ~= value }
}
