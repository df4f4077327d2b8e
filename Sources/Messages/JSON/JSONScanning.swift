/// The position of a string's content in the input, and whether it has escapes.
struct StringRange {
    var start: Int
    var count: Int
    var hasEscapes: Bool
}

extension JSONReader {
    /// Skips white space and returns the next byte without consuming it.
    @inline(__always)
    mutating func nextByte(or expected: JSONError.StaticToken) throws(JSONError) -> UInt8 {
        skipWhiteSpace()
        guard position < end else { throw JSONError(.unexpectedEnd, at: end) }
        return byte(at: position)
    }

    @inline(__always)
    mutating func skipWhiteSpace() {
        while position < end {
            let next = byte(at: position)
            guard next <= 0x20, next == 0x20 || next == 0x0A || next == 0x0D || next == 0x09 else { return }
            position += 1
        }
    }

    @inline(__always)
    func byte(at index: Int) -> UInt8 { base.load(fromByteOffset: index, as: UInt8.self) }

    /// Validates and consumes the next string.
    mutating func scanString(or expected: JSONError.StaticToken) throws(JSONError) -> StringRange {
        guard try nextByte(or: expected) == UInt8(ascii: "\"") else {
            throw JSONError(.expected(expected), at: position)
        }
        let start = position + 1
        var index = start
        var hasEscapes = false
        while true {
            index = JSONEscaping.firstSpecial(in: base, from: index, to: end)
            guard index < end else { throw JSONError(.unexpectedEnd, at: end) }
            switch byte(at: index) {
            case UInt8(ascii: "\""):
                position = index + 1
                return StringRange(start: start, count: index - start, hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                index = try scanEscape(at: index)
            default:
                throw JSONError(.unescapedControlCharacter, at: index)
            }
        }
    }

    /// Validates the escape or surrogate pair at `index` and returns where it ends.
    private func scanEscape(at index: Int) throws(JSONError) -> Int {
        guard index + 1 < end else { throw JSONError(.unexpectedEnd, at: end) }
        switch byte(at: index + 1) {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return index + 2
        case UInt8(ascii: "u"):
            let unit = try codeUnit(at: index)
            switch unit {
            case 0xD800...0xDBFF:
                guard index + 7 < end, byte(at: index + 6) == UInt8(ascii: "\\"),
                    byte(at: index + 7) == UInt8(ascii: "u"),
                    case 0xDC00...0xDFFF = try codeUnit(at: index + 6)
                else { throw JSONError(.loneSurrogate, at: index) }
                return index + 12
            case 0xDC00...0xDFFF:
                throw JSONError(.loneSurrogate, at: index)
            default:
                return index + 6
            }
        default:
            throw JSONError(.invalidEscape, at: index)
        }
    }

    /// The UTF-16 code unit of the escape `\uXXXX` at `index`.
    private func codeUnit(at index: Int) throws(JSONError) -> UInt32 {
        guard index + 6 <= end else { throw JSONError(.invalidEscape, at: index) }
        guard let unit = JSONEscaping.codeUnit(base + index + 2) else { throw JSONError(.invalidEscape, at: index) }
        return unit
    }

    /// The string's content: in place, or from the scratch arena if it has escapes.
    func unescape(_ range: StringRange) -> UnsafeRawBufferPointer {
        let raw = UnsafeRawBufferPointer(start: base + range.start, count: range.count)
        guard range.hasEscapes else { return raw }
        // An escape is never shorter than its unescaped bytes.
        let target = scratch.allocate(range.count)
        let count = JSONEscaping.unescape(raw, into: target)
        scratch.giveBack(range.count - count)
        return UnsafeRawBufferPointer(start: target, count: count)
    }

    /// Validates and consumes the number at the position, by the grammar of RFC 8259.
    mutating func scanNumber() throws(JSONError) {
        let start = position
        if position < end, byte(at: position) == UInt8(ascii: "-") { position += 1 }
        guard position < end, byte(at: position).isASCIIDigit else {
            throw JSONError(position == start ? .expected(.number) : .invalidNumber, at: start)
        }
        if byte(at: position) == UInt8(ascii: "0") { position += 1 } else { skipDigits() }
        if position < end, byte(at: position) == UInt8(ascii: ".") {
            position += 1
            try requireDigits(from: start)
        }
        if position < end, byte(at: position) | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < end, byte(at: position) == UInt8(ascii: "+") || byte(at: position) == UInt8(ascii: "-") {
                position += 1
            }
            try requireDigits(from: start)
        }
        if position < end, byte(at: position).isASCIIDigit { throw JSONError(.invalidNumber, at: start) }
    }

    private mutating func requireDigits(from start: Int) throws(JSONError) {
        guard position < end, byte(at: position).isASCIIDigit else { throw JSONError(.invalidNumber, at: start) }
        skipDigits()
    }

    private mutating func skipDigits() {
        while position < end, byte(at: position).isASCIIDigit { position += 1 }
    }
}
