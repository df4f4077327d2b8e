/// Names and labels as Prometheus allows them.
enum MetricNames {
    /// A metric's name: `[a-zA-Z_:][a-zA-Z0-9_:]*`; other characters become `_`.
    static func metric(_ name: String) -> String { sanitized(name, allowsColon: true) }

    /// Labels as they stand between the braces, sorted by name: `lane="bulk",outcome="ok"`. Of labels with the same
    /// name the last counts. `le`, which histograms use themselves, and names that start with two underscores, which
    /// Prometheus keeps for itself, get a prefix.
    static func labels(_ labels: MetricLabels) -> String {
        var byName: [String: String] = [:]
        for (name, value) in labels {
            var name = sanitized(name, allowsColon: false)
            if name == "le" || name.hasPrefix("__") { name = "label_" + name }
            byName[name] = value
        }
        return byName.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(escaped($0.value, quotes: true))\"" }
            .joined(separator: ",")
    }

    /// A label's value or a help text: backslashes and line feeds escaped, and in values quotes.
    static func escaped(_ text: String, quotes: Bool) -> String {
        guard text.utf8.contains(where: { $0 == 0x5C || $0 == 0x0A || $0 == 0x22 }) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result.append(contentsOf: "\\\\".unicodeScalars)
            case "\n": result.append(contentsOf: "\\n".unicodeScalars)
            case "\"" where quotes: result.append(contentsOf: "\\\"".unicodeScalars)
            default: result.append(scalar)
            }
        }
        return String(result)
    }

    private static func sanitized(_ name: String, allowsColon: Bool) -> String {
        var result = ""
        for scalar in name.unicodeScalars {
            let isDigit = "0"..."9" ~= scalar
            let isLetter = "a"..."z" ~= scalar || "A"..."Z" ~= scalar || scalar == "_" || (allowsColon && scalar == ":")
            if isDigit, result.isEmpty { result += "_" }
            result.unicodeScalars.append(isDigit || isLetter ? scalar : "_")
        }
        return result.isEmpty ? "_" : result
    }
}
