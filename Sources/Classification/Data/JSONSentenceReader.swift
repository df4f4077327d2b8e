internal import Foundation

/// Reads objects that stand in one array, or one after the other as in JSON lines, and knows the line of each.
struct JSONSentenceReader {
    private let bytes: [UInt8]
    private let path: String
    private var place = 0
    private var line = 1

    init(_ bytes: [UInt8], path: String) {
        self.bytes = bytes
        self.path = path
    }

    mutating func read() throws(DataError) -> [Example] {
        var examples: [Example] = []
        skipBlanks()
        let isArray = current == UInt8(ascii: "[")
        if isArray { place += 1 }
        var needsComma = false
        while true {
            skipBlanks()
            guard let byte = current else {
                if isArray { throw malformed("the array is not closed; the file seems cut off") }
                return examples
            }
            if isArray && byte == UInt8(ascii: "]") {
                place += 1
                skipBlanks()
                if current != nil { throw malformed("there is something behind the array; remove it") }
                return examples
            }
            if isArray && needsComma {
                guard byte == UInt8(ascii: ",") else { throw malformed("a comma is missing between two objects") }
                place += 1
                skipBlanks()
            }
            examples.append(try object())
            needsComma = true
        }
    }

    private var current: UInt8? { place < bytes.count ? bytes[place] : nil }

    private func malformed(_ reason: String, line: Int? = nil) -> DataError {
        DataError(.malformed, path, line: line ?? self.line, reason)
    }

    private mutating func skipBlanks() {
        while let byte = current, LineBytes.blank.contains(byte) {
            if byte == 0x0A { line += 1 }
            place += 1
        }
    }

    private mutating func object() throws(DataError) -> Example {
        guard current == UInt8(ascii: "{") else {
            throw malformed("expected an object such as {\"text\": …, \"label\": …}")
        }
        let start = place
        let startLine = line
        var depth = 0
        var inString = false
        repeat {
            guard let byte = current else {
                throw malformed("an object that begins here is not closed; the file seems cut off", line: startLine)
            }
            switch byte {
            case UInt8(ascii: "\\") where inString: place += 1
            case UInt8(ascii: "\""): inString.toggle()
            case UInt8(ascii: "{") where !inString, UInt8(ascii: "[") where !inString: depth += 1
            case UInt8(ascii: "}") where !inString, UInt8(ascii: "]") where !inString: depth -= 1
            case 0x0A: line += 1
            default: break
            }
            place += 1
        } while depth > 0
        let value = try? JSONSerialization.jsonObject(with: Data(bytes[start..<min(place, bytes.count)]))
        guard let fields = value as? [String: Any] else {
            throw malformed("is no well-formed JSON object", line: startLine)
        }
        let text = try field(FieldName.text, of: fields, startLine)
        let label = try field(FieldName.label, of: fields, startLine)
        return Example(text: text, label: label.trimmingCharacters(in: .whitespaces), line: startLine)
    }

    private func field(_ names: [String], of fields: [String: Any], _ line: Int) throws(DataError) -> String {
        guard let name = names.first(where: { fields[$0] != nil }) else {
            throw malformed("has no field “\(names[0])” (or “\(names[1])”); add it", line: line)
        }
        guard let text = fields[name] as? String else {
            throw malformed("the field “\(name)” is no string; put it in quotes", line: line)
        }
        return text
    }
}
