/// Why labelled sentences could not be read.
package struct DataError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong, as a program sees it.
    package enum Code: String, Sendable {
        /// There is no such file (exit code 66).
        case missing
        /// The file is there and cannot be read.
        case unreadable
        /// The content does not follow its format.
        case malformed
        /// The file holds no sentence.
        case empty
        /// The sentences are of one class, so that there is nothing to tell apart.
        case oneClass
    }

    /// What went wrong, as a program sees it.
    package let code: Code
    /// The path of the file.
    package let path: String
    /// The line, counted from 1; nil when the trouble is with the whole file.
    package let line: Int?
    /// The reason, and what to do about it.
    package let reason: String

    init(_ code: Code, _ path: String, line: Int? = nil, _ reason: String) {
        self.code = code
        self.path = path
        self.line = line
        self.reason = reason
    }

    /// Whether there is no such file, as opposed to a file that is wrong.
    package var isMissing: Bool { code == .missing }

    /// One line for people.
    package var description: String { path + (line.map { ":\($0)" } ?? "") + ": \(reason)" }
}

extension String {
    /// The text in quotation marks, for a message of one line: control characters are escaped, what is long is cut.
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
    /// The first few, in quotation marks, and how many more there are.
    func listed(most: Int = 12) -> String {
        let all = Array(self)
        let shown = all.prefix(most).map(\.quoted).joined(separator: ", ")
        return all.count > most ? "\(shown) and \(all.count - most) more" : shown
    }
}

extension Unicode.Scalar {
    /// Whether it is of C0 or C1, or delete.
    var isControl: Bool { value < 0x20 || 0x7F...0x9F ~= value }
}
