internal import Yams

/// Reads Rasa's NLU data: a YAML file with a list `nlu` of intents and their examples.
///
/// Entity annotations, `[Lyon](city)` or `[Lyon]{"entity": "city"}`, are removed from the sentences. Synonyms, look-up
/// tables and regular expressions are skipped.
struct RasaSentenceReader {
    private let bytes: [UInt8]
    private let path: String

    init(_ bytes: [UInt8], path: String) {
        self.bytes = bytes
        self.path = path
    }

    /// Whether a line of the file is the key `nlu`.
    static func isRasa(_ bytes: [UInt8]) -> Bool {
        let key = Array("nlu:".utf8)
        var place = 0
        while place + key.count <= bytes.count {
            if bytes[place..<place + key.count].elementsEqual(key) {
                let rest = bytes[(place + key.count)...].prefix { $0 != Lines.lineFeed && $0 != Lines.carriageReturn }
                if rest.allSatisfy({ $0 == UInt8(ascii: " ") }) || rest.starts(with: " #".utf8) { return true }
            }
            guard let end = bytes[place...].firstIndex(where: { $0 == Lines.lineFeed || $0 == Lines.carriageReturn })
            else { return false }
            place = end + 1
        }
        return false
    }

    func read() throws(DataError) -> [Example] {
        try refuseAliases()
        guard let entries = try root()["nlu"]?.sequence else { throw malformed("“nlu” is not a list of intents", nil) }
        var examples: [Example] = []
        for entry in entries {
            guard let intent = entry["intent"]?.scalar else {
                if entry.mapping != nil { continue }
                throw malformed("an entry of “nlu” begins with its kind, such as “intent: NAME”", entry)
            }
            let label = restored(intent.string)
            if let list = entry["examples"]?.sequence {
                for item in list {
                    guard let text = (item["text"] ?? item).scalar else {
                        throw malformed("an example of \(label.quoted) is no text", item)
                    }
                    examples.append(example(text.string, label, text.mark?.line ?? 1))
                }
            } else if let block = entry["examples"]?.scalar {
                try add(block, of: label, to: &examples)
            } else {
                throw malformed("the intent \(label.quoted) has no examples", entry)
            }
        }
        return examples
    }

    /// Adds the lines of a block; each begins with a dash.
    private func add(
        _ block: Node.Scalar, of label: String, to examples: inout [Example]
    ) throws(DataError) {
        // The lines of a literal block begin below its `|`.
        let first = (block.mark?.line ?? 0) + (block.style == .literal ? 1 : 0)
        let lines = block.string.split(separator: "\n", omittingEmptySubsequences: false)
        for (place, line) in lines.enumerated() {
            let line = String(line).trimmed
            if line.isEmpty || line.hasPrefix("#") { continue }
            let number = block.style == .literal ? first + place : first
            guard line.hasPrefix("-") else {
                throw DataError(
                    .malformed, path, line: number, "an example of \(label.quoted) does not begin with “- ”")
            }
            examples.append(example(String(line.dropFirst()), label, number))
        }
    }

    private func example(_ text: String, _ label: String, _ line: Int) -> Example {
        Example(text: Self.withoutEntities(restored(text)).trimmed, label: label, line: line)
    }

    private func malformed(_ reason: String, _ node: Node?) -> DataError {
        DataError(.malformed, path, line: node?.mark?.line, reason)
    }

    // MARK: Entities

    /// The sentence without annotations: `[text](entity)`, `[text]{…}` and `[text][{…}, …]` become their text.
    static func withoutEntities(_ marked: String) -> String {
        guard marked.utf8.contains(UInt8(ascii: "[")) else { return marked }
        var result = ""
        var rest = Substring(marked)
        while let open = rest.firstIndex(of: "[") {
            result += rest[..<open]
            let inside = rest[rest.index(after: open)...]
            guard let close = inside.firstIndex(of: "]"), close > inside.startIndex,
                let end = endOfMark(rest[rest.index(after: close)...])
            else {
                result += "["
                rest = inside
                continue
            }
            result += inside[..<close]
            rest = rest[end...]
        }
        return result + rest
    }

    /// The end of the annotation after a text, if there is one.
    private static func endOfMark(_ rest: Substring) -> String.Index? {
        let closings: [Character: Character] = ["(": ")", "{": "}", "[": "]"]
        guard let opening = rest.first, let closing = closings[opening] else { return nil }
        if opening == "[", !rest.dropFirst().hasPrefix("{") { return nil }
        guard let end = rest.firstIndex(of: closing) else { return nil }
        return rest.index(after: end)
    }

    // MARK: YAML

    /// Characters that end a line only in YAML: replaced by placeholders while parsing.
    private static let lineEnds: [UInt32] = [0x85, 0x2028, 0x2029]
    /// The placeholders: noncharacters, which no text contains.
    private static let standIns: [UInt32] = [0xFDD0, 0xFDD1, 0xFDD2]

    private static func replacing(_ old: [UInt32], with new: [UInt32], in text: String) -> String {
        guard text.unicodeScalars.contains(where: { old.contains($0.value) }) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let place = old.firstIndex(of: scalar.value)
            result.append(place.flatMap { Unicode.Scalar(new[$0]) } ?? scalar)
        }
        return String(result)
    }

    private func restored(_ text: String) -> String {
        Self.replacing(Self.standIns, with: Self.lineEnds, in: text)
    }

    private func root() throws(DataError) -> Node {
        let text = Self.replacing(Self.lineEnds, with: Self.standIns, in: String(decoding: bytes, as: UTF8.self))
        do {
            guard let root = try Parser(yaml: text, encoding: .utf8).singleRoot() else {
                throw malformed("holds no YAML", nil)
            }
            return root
        } catch let error as DataError {
            throw error
        } catch {
            let (line, problem) = Self.problem(error)
            throw DataError(.malformed, path, line: line, "is not well-formed YAML: \(problem)")
        }
    }

    private static func problem(_ error: any Error) -> (line: Int?, problem: String) {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _)?, .parser(_, let problem, let mark, _)?,
            .composer(_, let problem, let mark, _)?:
            return (mark.line, problem)
        case .reader(let problem, let offset, _, let yaml)?:
            let line = offset.map { yaml.prefix($0).reduce(1) { $1.isNewline ? $0 + 1 : $0 } }
            return (line, problem)
        case .duplicatedKeysInMapping(let names, let context)?:
            return (context.mark.line, "the key \(names.listed(most: 3)) is there twice")
        default: return (nil, "it cannot be read")
        }
    }

    /// Refuses YAML aliases: a few lines of them could expand to more text than fits in memory. Rasa's files have none.
    private func refuseAliases() throws(DataError) {
        var names: [UInt8: Set<ArraySlice<UInt8>>] = [:]
        for sign in "&*".utf8 {
            var place = 0
            while let found = bytes[place...].firstIndex(of: sign) {
                let name = bytes[(found + 1)...].prefix { byte in
                    switch byte {
                    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                        true
                    default: false
                    }
                }
                place = name.endIndex
                guard !name.isEmpty else { continue }
                if sign == UInt8(ascii: "*"), names[UInt8(ascii: "&")]?.contains(name) == true {
                    var lines = LineCounter(bytes)
                    throw DataError(
                        .malformed, path, line: lines.line(of: found),
                        "\(String(decoding: [sign] + name, as: UTF8.self).quoted) stands for another part of the file; "
                            + "write that out")
                }
                names[sign, default: []].insert(name)
            }
        }
    }
}
