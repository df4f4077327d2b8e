import Foundation

/// Where our decoder answers otherwise than Foundation's, on purpose. This is the whole list: the fuzz test fails on
/// any other difference.
///
/// Foundation (swift-foundation of Swift 6.3) checks only as much of a document as the decoded type asks for, and is
/// lenient in one point of grammar. We check everything, so that a record either is JSON by RFC 8259 or is refused,
/// whatever is read of it later.
enum FoundationDifference: String, CaseIterable {
    /// Foundation takes a comma before a closing brace or bracket.
    case trailingComma
    /// Foundation does not check strings and numbers that are not asked for, in unknown fields and in the repeats of
    /// known ones: invalid escapes, halves of surrogate pairs, control characters, bytes that are not UTF-8, numbers
    /// such as `01` or `1.2.3`.
    case uncheckedValue
    /// Foundation reads UTF-16 and UTF-32 too; Kafka records are UTF-8.
    case otherEncoding

    /// Why Foundation takes a document that we refuse, or nil if nothing on the list explains it.
    ///
    /// - Parameter isTaken: whether our decoder takes a document.
    static func explaining(_ document: [UInt8], isTaken: ([UInt8]) -> Bool) -> FoundationDifference? {
        if document.prefix(4).contains(0) || document.starts(with: [0xFF, 0xFE]) || document.starts(with: [0xFE, 0xFF])
        {
            return .otherEncoding
        }
        let withoutCommas = rewritten(document) { byte, next in
            byte == UInt8(ascii: ",") && (next == UInt8(ascii: "}") || next == UInt8(ascii: "]")) ? nil : byte
        }
        if withoutCommas.count < document.count, isTaken(withoutCommas) { return .trailingComma }
        // As an array of names and values, since Foundation would keep only one of several fields with the same name.
        let flat = rewritten(withoutCommas) { byte, _ in
            switch byte {
            case UInt8(ascii: "{"): UInt8(ascii: "[")
            case UInt8(ascii: "}"): UInt8(ascii: "]")
            case UInt8(ascii: ":"): UInt8(ascii: ",")
            default: byte
            }
        }
        let isCheckedTaken = (try? JSONDecoder().decode(CheckedValue.self, from: Data(flat))) != nil
        return isCheckedTaken ? nil : .uncheckedValue
    }

    /// The document with each byte outside of strings replaced, or left out, by what the body makes of it and of the
    /// next byte that is not white space.
    private static func rewritten(_ document: [UInt8], _ body: (UInt8, UInt8?) -> UInt8?) -> [UInt8] {
        var result: [UInt8] = []
        var isInString = false
        var isEscaped = false
        for (index, byte) in document.enumerated() {
            if isInString {
                if !isEscaped, byte == UInt8(ascii: "\"") { isInString = false }
                isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
                result.append(byte)
            } else if byte == UInt8(ascii: "\"") {
                isInString = true
                result.append(byte)
            } else if let replacement = body(
                byte, document[(index + 1)...].first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) })
            {
                result.append(replacement)
            }
        }
        return result
    }
}

/// A request as Foundation's decoder reads it.
struct FoundationRequest: Decodable, Equatable {
    var text: String
    var id: String?

    static func decode(_ bytes: [UInt8]) -> FoundationRequest? {
        try? JSONDecoder().decode(FoundationRequest.self, from: Data(bytes))
    }
}

/// Any JSON value but objects, of which Foundation is made to check all.
private struct CheckedValue: Decodable {
    init(from decoder: any Decoder) throws {
        if var array = try? decoder.unkeyedContainer() {
            while !array.isAtEnd { _ = try array.decode(CheckedValue.self) }
        } else {
            let value = try decoder.singleValueContainer()
            if value.decodeNil() || (try? value.decode(Bool.self)) != nil || (try? value.decode(String.self)) != nil {
                return
            }
            _ = try value.decode(Double.self)
        }
    }
}
