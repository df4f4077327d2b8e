internal import Messages

/// Reads objects from one array, from a sequence such as JSON lines, or from the files of tools that it recognizes by
/// their structure. Tracks the line of each.
struct JSONSentenceReader {
    private let bytes: [UInt8]
    private let path: String
    private let columns: SentenceColumns
    private let scratch = ScratchArena()
    private var lines: LineCounter
    /// The location of the class. The first object decides, so that no other field replaces one that is missing later.
    private var labelPlace: LabelPlace?
    private var textField: String?
    /// The tool that wrote the file, if recognized.
    private var tool: String?
    /// The number of objects marked as not for training.
    private(set) var leftOut = 0

    private enum LabelPlace {
        /// A field that holds the class.
        case field(String)
        /// `cats`: each class with 1 or 0 (spaCy).
        case categories
        /// `accept`: a list of the chosen classes (Prodigy).
        case choices
    }

    init(_ bytes: [UInt8], path: String, columns: SentenceColumns) {
        self.bytes = bytes
        self.path = path
        self.columns = columns
        lines = LineCounter(bytes)
    }

    /// A description of what was read; valid after `read`.
    var source: String {
        if let tool { return tool }
        let label =
            switch labelPlace {
            case .field(let name)?: "\(name.quoted) for the class"
            case .categories?: "spaCy's “cats” for the class"
            case .choices?: "Prodigy's “accept” for the class"
            case nil: "none for the class"
            }
        return "field \((textField ?? "").quoted) for the sentence, \(label)"
    }

    mutating func read() throws(DataError) -> [Example] {
        let bytes = bytes
        return try bytes.withUnsafeBufferPointer { (content) throws(DataError) in
            do {
                var reader = try JSONReader(UnsafeRawBufferPointer(content), scratch: scratch)
                return try read(&reader)
            } catch let error as JSONError {
                throw malformed(error)
            } catch let error as DataError {
                throw error
            } catch {
                throw DataError(.malformed, path, "is not well-formed JSON: \(error)")
            }
        }
    }

    private mutating func read(_ reader: inout JSONReader) throws -> [Example] {
        var examples: [Example] = []
        if try reader.peek() == .array {
            try reader.beginArray()
            while try nextElement(&reader) { try add(nextObject(&reader), to: &examples) }
            guard isAtEnd(reader) else {
                throw malformed("there is something behind the array; remove it", at: place(behind: reader.position))
            }
            return examples
        }
        let first = try nextObject(&reader)
        if let found = try whole(first) {
            guard isAtEnd(reader) else {
                throw malformed("there is something behind the object; remove it", at: place(behind: reader.position))
            }
            return found
        }
        try add(first, to: &examples)
        while !isAtEnd(reader) { try add(nextObject(&reader), to: &examples) }
        return examples
    }

    // MARK: Objects and separators

    private func place(behind position: Int) -> Int {
        bytes[position...].firstIndex { !" \t\r\n".utf8.contains($0) } ?? bytes.count
    }

    private func isAtEnd(_ reader: JSONReader) -> Bool { place(behind: reader.position) == bytes.count }

    private mutating func nextElement(_ reader: inout JSONReader) throws -> Bool {
        do {
            return try reader.nextElement()
        } catch {
            guard case .expected = error.reason else {
                throw malformed("the array is not closed; the file seems cut off", at: error.offset)
            }
            throw malformed("a comma is missing between two objects", at: error.offset)
        }
    }

    private mutating func nextObject(_ reader: inout JSONReader) throws -> JSONObject {
        let start = place(behind: reader.position)
        guard start < bytes.count, bytes[start] == UInt8(ascii: "{") else {
            throw malformed("expected an object such as {\"text\": …, \"label\": …}", at: start)
        }
        defer { scratch.reset() }
        do {
            return try JSONObject(&reader)
        } catch  where error.reason == .unexpectedEnd {
            throw malformed("an object that begins here is not closed; the file seems cut off", at: start)
        }
    }

    private mutating func malformed(_ reason: String, at place: Int) -> DataError {
        DataError(.malformed, path, line: lines.line(of: place), reason)
    }

    private mutating func malformed(_ error: JSONError) -> DataError {
        malformed("is not well-formed JSON: \(error)", at: error.offset)
    }

    // MARK: Files of tools

    /// The examples of a file that is one object: Rasa's NLU JSON, LUIS's and CLU's projects, Snips's data sets.
    private mutating func whole(_ file: JSONObject) throws -> [Example]? {
        let value = JSONValue.object(file)
        let lists = [
            ("/rasa_nlu_data/common_examples", "Rasa NLU"), ("/utterances", "LUIS"), ("/assets/utterances", "CLU"),
        ]
        for (pointer, name) in lists {
            guard let records = value.value(at: pointer)?.array else { continue }
            var examples: [Example] = []
            for record in records {
                guard let object = record.object else {
                    throw malformed("\(pointer) holds \(record.kind), where an object should be", at: file.offset)
                }
                try add(object, to: &examples)
            }
            tool = name
            return examples
        }
        guard let intents = file["intents"]?.object,
            intents.fields.contains(where: { $0.value.value(at: "/utterances")?.array != nil })
        else { return nil }
        tool = "Snips"
        return try snips(intents)
    }

    /// Reads each class with its sentences, which are split into pieces.
    private mutating func snips(_ intents: JSONObject) throws -> [Example] {
        var examples: [Example] = []
        for field in intents.fields {
            let label = field.name
            for utterance in field.value.value(at: "/utterances")?.array ?? [] {
                guard let object = utterance.object, let pieces = object["data"]?.array else {
                    throw malformed(
                        "the intent \(label.quoted) has an utterance without “data”", at: intents.offset)
                }
                let text = pieces.compactMap { $0.value(at: "/text")?.string }.joined()
                examples.append(Example(text: text, label: label, line: lines.line(of: object.offset)))
            }
        }
        return examples
    }

    // MARK: One object

    private mutating func add(_ object: JSONObject, to examples: inout [Example]) throws {
        // Prodigy annotators can also reject or ignore an example.
        if let answer = object["answer"]?.string, answer == "reject" || answer == "ignore" {
            leftOut += 1
            return
        }
        let text = try text(object)
        guard let label = try label(object) else {
            leftOut += 1
            return
        }
        examples.append(Example(text: text, label: label, line: lines.line(of: object.offset)))
    }

    private mutating func text(_ object: JSONObject) throws -> String {
        let name = try textField ?? field(.text, of: object)
        textField = name
        let value = try value(name, .text, of: object)
        guard let text = value.string else {
            throw malformed("the field \(name.quoted) is \(value.kind), no string; put it in quotes", at: object.offset)
        }
        return text
    }

    /// The class; nil if none was chosen.
    private mutating func label(_ object: JSONObject) throws -> String? {
        let place: LabelPlace
        if let labelPlace {
            place = labelPlace
        } else if columns.label == nil, object["cats"]?.object != nil {
            place = .categories
        } else if columns.label == nil, object["accept"]?.array != nil {
            place = .choices
        } else {
            place = .field(try field(.label, of: object))
        }
        labelPlace = place
        switch place {
        case .categories: return try onlyCategory(object)
        case .choices: return try onlyChoice(object)
        case .field(let name):
            let value = try value(name, .label, of: object)
            switch value {
            case .string(let label), .number(let label): return label
            case .boolean(let label): return "\(label)"
            case .null, .array, .object:
                throw malformed(
                    "the field \(name.quoted) is \(value.kind); it must hold one class, a string or a number",
                    at: object.offset)
            }
        }
    }

    private mutating func onlyCategory(_ object: JSONObject) throws -> String {
        let chosen = try value("cats", .label, of: object).object?.fields.filter { category in
            switch category.value {
            case .number(let share): Double(share) ?? 0 >= 0.5
            case .boolean(let isChosen): isChosen
            default: false
            }
        }
        guard let chosen, chosen.count == 1 else {
            throw malformed(
                "of “cats” exactly one class must be 1, and \(chosen?.count ?? 0) are", at: object.offset)
        }
        return chosen[0].name
    }

    private mutating func onlyChoice(_ object: JSONObject) throws -> String? {
        let choices = try value("accept", .label, of: object).array ?? []
        guard choices.count <= 1 else {
            throw malformed("has \(choices.count) classes in “accept”; leave the right one", at: object.offset)
        }
        switch choices.first {
        case nil: return nil
        case .string(let label)?, .number(let label)?: return label
        case let other?:
            throw malformed("“accept” holds \(other.kind); it must hold a class", at: object.offset)
        }
    }

    /// The name or pointer of a field: the given one, or the first of the usual names that exists.
    private mutating func field(_ role: SentenceColumns.Role, of object: JSONObject) throws -> String {
        if let name = columns.name(role) { return name }
        for name in role.names {
            if object[name] != nil { return name }
            if let field = object.fields.last(where: { $0.name.lowercased() == name }) { return field.name }
        }
        throw missing(role, object)
    }

    private mutating func value(
        _ name: String, _ role: SentenceColumns.Role, of object: JSONObject
    ) throws -> JSONValue {
        if let value = object[name] { return value }
        guard name.hasPrefix("/"), let value = JSONValue.object(object).value(at: name) else {
            guard columns.name(role) == nil else { throw missing(role, object) }
            throw malformed(
                "has no field \(name.quoted), which the objects before it have; add it", at: object.offset)
        }
        return value
    }

    private mutating func missing(_ role: SentenceColumns.Role, _ object: JSONObject) -> DataError {
        malformed(columns.missing(role, "field", object.fields.map(\.name)), at: object.offset)
    }
}
