import Foundation

/// Where our decoder answers otherwise than Foundation's `JSONSerialization`, on purpose. This is the whole list: the fuzz
/// test fails on any other difference.
enum FoundationDifference: String, CaseIterable {
    /// Foundation takes a comma before a closing brace or bracket.
    case trailingComma
    /// Foundation reads UTF-16 and UTF-32 too; Kafka records are UTF-8.
    case otherEncoding
    /// Foundation refuses numbers that no double can hold, such as `1e999`. They are JSON, and we need no double of them.
    case hugeNumber

    /// Why Foundation takes a document that we refuse, or refuses one that we take; nil if nothing on the list explains it.
    ///
    /// - Parameter isTaken: whether our decoder takes a document.
    static func explaining(_ document: [UInt8], isTaken: ([UInt8]) -> Bool) -> FoundationDifference? {
        if isTaken(document) {
            let refusal = FoundationRequest.refusal(of: document) ?? ""
            return refusal.contains("is not representable in Swift") ? .hugeNumber : nil
        }
        if document.prefix(4).contains(0) || document.starts(with: [0xFF, 0xFE]) || document.starts(with: [0xFE, 0xFF])
        {
            return .otherEncoding
        }
        let withoutCommas = self.withoutTrailingCommas(document)
        return withoutCommas.count < document.count && isTaken(withoutCommas) ? .trailingComma : nil
    }

    /// The document without commas, outside of strings, that come before a closing brace or bracket.
    private static func withoutTrailingCommas(_ document: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var isInString = false
        var isEscaped = false
        for (index, byte) in document.enumerated() {
            if isInString {
                if !isEscaped, byte == UInt8(ascii: "\"") { isInString = false }
                isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
            } else if byte == UInt8(ascii: "\"") {
                isInString = true
            } else if byte == UInt8(ascii: ",") {
                let next = document[(index + 1)...].first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
                if next == UInt8(ascii: "}") || next == UInt8(ascii: "]") { continue }
            }
            result.append(byte)
        }
        return result
    }
}

/// A request as Foundation reads it: like ours, the last of several fields with one name counts, and all of the document is
/// checked.
struct FoundationRequest: Equatable {
    var text: String
    /// A string, or a number as Foundation writes it.
    var id: String?
    /// The number that is the id, if it is one.
    var number: Double?

    init(text: String, id: String?) {
        self.text = text
        self.id = id
    }

    /// Nil if Foundation takes no request from the bytes.
    init?(_ bytes: [UInt8]) {
        let object = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
        guard let object, let text = object["text"] as? String else { return nil }
        self.text = text
        if let id = object["id"] as? String {
            self.id = id
        } else if let id = object["id"] as? NSNumber, String(cString: id.objCType) != "c" {
            // "c" is a boolean's type.
            self.id = id.stringValue
            number = id.doubleValue
        }
    }

    /// Why Foundation finds no JSON there; nil if it does.
    static func refusal(of bytes: [UInt8]) -> String? {
        do {
            _ = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            return nil
        } catch {
            return "\(error)"
        }
    }
}
