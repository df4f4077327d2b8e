/// Keeps text on one line, and keeps foreign text from sending control sequences to a terminal.
package enum LineEscaping {
    /// The text with control characters written as escapes.
    package static func plain(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        return escaped(text) { isControl($0) }
    }

    /// The same for each line of a text; line feeds stay.
    package static func plainLines(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        return escaped(text) { isControl($0) && $0 != "\n" }
    }

    /// The text unchanged if it is one word, else quoted, with quotes, backslashes and control characters escaped.
    static func quotedIfNeeded(_ text: String) -> String {
        let isWord = !text.isEmpty && !text.unicodeScalars.contains { $0 == " " || $0 == "\"" || isControl($0) }
        guard !isWord else { return text }
        return json(text)
    }

    /// The text as a JSON string.
    static func json(_ text: String) -> String {
        "\"" + escaped(text) { isControl($0) || $0 == "\"" || $0 == "\\" } + "\""
    }

    /// C0, DEL, C1, and the two separators at which some viewers break lines.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || 0x7F...0x9F ~= scalar.value || scalar.value == 0x2028 || scalar.value == 0x2029
    }

    private static func escaped(_ text: String, where needsEscape: (Unicode.Scalar) -> Bool) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            guard needsEscape(scalar) else {
                result.append(scalar)
                continue
            }
            switch scalar {
            case "\n": result.append(contentsOf: "\\n".unicodeScalars)
            case "\r": result.append(contentsOf: "\\r".unicodeScalars)
            case "\t": result.append(contentsOf: "\\t".unicodeScalars)
            case "\"": result.append(contentsOf: "\\\"".unicodeScalars)
            case "\\": result.append(contentsOf: "\\\\".unicodeScalars)
            default:
                let digits = String(scalar.value, radix: 16)
                let padding = String(repeating: "0", count: max(0, 4 - digits.count))
                result.append(contentsOf: ("\\u" + padding + digits).unicodeScalars)
            }
        }
        return String(result)
    }
}
