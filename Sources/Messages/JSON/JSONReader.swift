/// A pull parser for JSON (RFC 8259): reads values in place, one at a time, without building a tree.
///
/// ```swift
/// var reader = try JSONReader(bytes, scratch: scratch)
/// try reader.beginObject()
/// while let key = try reader.nextKey() {
///     if key.equals("text") { text = try reader.string() } else { try reader.skip() }
/// }
/// try reader.finish()
/// ```
///
/// Exactly one value must be read or skipped for each key and each element. Everything is validated, including skipped
/// values. Strings are borrowed from the input or, if they have escapes, from the scratch arena: valid while both
/// exist. Unescaped strings are well-formed UTF-8; lone surrogates are rejected. A UTF-8 byte order mark at the start
/// is skipped.
package struct JSONReader {
    /// The default limit for nested values; the same as Foundation's.
    package static let defaultMaximumDepth = 512

    let base: UnsafeRawPointer
    let end: Int
    /// The reader's byte offset in the input.
    package internal(set) var position: Int
    let scratch: ScratchArena
    private let maximumDepth: Int
    private var depth = 0
    /// Whether the innermost object or array already has a value, so that the next needs a comma.
    private var needsComma = false

    /// Starts reading. Throws if the bytes are not UTF-8.
    package init(
        _ bytes: UnsafeRawBufferPointer, scratch: ScratchArena, maximumDepth: Int = defaultMaximumDepth
    ) throws(JSONError) {
        guard UTF8Validation.isValid(bytes) else { throw JSONError(.invalidUTF8, at: 0) }
        self.init(validated: bytes, scratch: scratch, maximumDepth: maximumDepth)
    }

    /// Starts reading bytes that are known to be UTF-8.
    init(validated bytes: UnsafeRawBufferPointer, scratch: ScratchArena, maximumDepth: Int = defaultMaximumDepth) {
        // The fallback pointer is never read: the input is then empty.
        base = bytes.baseAddress ?? UnsafeRawPointer(StaticString("").utf8Start)
        end = bytes.count
        self.scratch = scratch
        self.maximumDepth = maximumDepth
        let hasByteOrderMark = end >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF
        position = hasByteOrderMark ? 3 : 0
    }

    /// What is read.
    var input: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: end) }

    /// The bytes without a byte order mark at their start.
    static func withoutByteOrderMark(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.slice(3..<bytes.count) : bytes
    }

    /// Whether the bytes are one value, whatever is in it.
    package static func isValue(_ bytes: UnsafeRawBufferPointer) -> Bool {
        do throws(JSONError) {
            var reader = try JSONReader(bytes, scratch: ScratchArena())
            try reader.skip()
            try reader.finish()
            return true
        } catch {
            return false
        }
    }

    /// Whether the first byte that is no white space is that of an object or an array.
    static func canStartObject(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let first = bytes.first { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }
        // 0xEF: a byte order mark.
        return first == UInt8(ascii: "{") || first == UInt8(ascii: "[") || first == 0xEF
    }

    /// The kinds of value.
    package enum Kind: Sendable {
        case object, array, string, number, boolean, null
    }

    /// The kind of the next value, without consuming it.
    package mutating func peek() throws(JSONError) -> Kind {
        switch try nextByte(or: .value) {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        default: throw JSONError(.expected(.value), at: position)
        }
    }

    // MARK: Objects and arrays

    /// Enters an object. Call ``nextKey()`` until it returns nil.
    package mutating func beginObject() throws(JSONError) {
        try open(UInt8(ascii: "{"), expected: .object)
    }

    /// Enters an array. Call ``nextElement()`` until it returns false.
    package mutating func beginArray() throws(JSONError) {
        try open(UInt8(ascii: "["), expected: .array)
    }

    /// The unescaped name of the object's next field; nil at the object's end. The reader then is before the value.
    package mutating func nextKey() throws(JSONError) -> UnsafeRawBufferPointer? {
        guard let range = try nextKeyRange() else { return nil }
        return unescape(range)
    }

    /// Whether the array has another element; the reader then is before it.
    package mutating func nextElement() throws(JSONError) -> Bool {
        try nextItem(closing: UInt8(ascii: "]"), expected: .commaOrBracket)
    }

    private mutating func nextKeyRange() throws(JSONError) -> StringRange? {
        guard try nextItem(closing: UInt8(ascii: "}"), expected: .commaOrBrace) else { return nil }
        let range = try scanString(or: .key)
        guard try nextByte(or: .colon) == UInt8(ascii: ":") else { throw JSONError(.expected(.colon), at: position) }
        position += 1
        return range
    }

    private mutating func open(_ bracket: UInt8, expected: JSONError.StaticToken) throws(JSONError) {
        guard try nextByte(or: expected) == bracket else { throw JSONError(.expected(expected), at: position) }
        guard depth < maximumDepth else { throw JSONError(.tooDeep, at: position) }
        depth += 1
        position += 1
        needsComma = false
    }

    private mutating func nextItem(
        closing bracket: UInt8, expected: JSONError.StaticToken
    ) throws(JSONError) -> Bool {
        let byte = try nextByte(or: expected)
        if byte == bracket {
            position += 1
            depth -= 1
            needsComma = true
            return false
        }
        if needsComma {
            guard byte == UInt8(ascii: ",") else { throw JSONError(.expected(expected), at: position) }
            position += 1
        }
        needsComma = false
        return true
    }

    // MARK: Values

    /// Reads a string and unescapes it.
    package mutating func string() throws(JSONError) -> UnsafeRawBufferPointer {
        let range = try scanString(or: .string)
        needsComma = true
        return unescape(range)
    }

    /// Reads a string, or null as nil.
    package mutating func stringOrNull() throws(JSONError) -> UnsafeRawBufferPointer? {
        if try nextByte(or: .string) == UInt8(ascii: "n") {
            try literal("null")
            return nil
        }
        return try string()
    }

    /// Reads a number and returns its text.
    package mutating func number() throws(JSONError) -> UnsafeRawBufferPointer {
        _ = try nextByte(or: .number)
        let start = position
        try scanNumber()
        needsComma = true
        return UnsafeRawBufferPointer(start: base + start, count: position - start)
    }

    /// Reads a number and returns the nearest double.
    package mutating func double() throws(JSONError) -> Double {
        DecimalNumber.double(of: try number())
    }

    /// Reads a number without fraction or exponent that fits an Int64.
    package mutating func integer() throws(JSONError) -> Int64 {
        let digits = try number()
        guard let value = digits.decimalInteger else {
            throw JSONError(.expected(.integer), at: position - digits.count)
        }
        return value
    }

    /// Reads true or false.
    package mutating func boolean() throws(JSONError) -> Bool {
        let isTrue = try nextByte(or: .boolean) == UInt8(ascii: "t")
        try literal(isTrue ? "true" : "false")
        return isTrue
    }

    /// Validates and skips the next value of any kind.
    package mutating func skip() throws(JSONError) {
        switch try peek() {
        case .object:
            try beginObject()
            while try nextKeyRange() != nil { try skip() }
        case .array:
            try beginArray()
            while try nextElement() { try skip() }
        case .string:
            _ = try scanString(or: .string)
            needsComma = true
        case .number:
            _ = try number()
        case .boolean:
            _ = try boolean()
        case .null:
            try literal("null")
        }
    }

    /// Validates and skips the next value, and returns its bytes verbatim, without surrounding white space.
    package mutating func rawValue() throws(JSONError) -> UnsafeRawBufferPointer {
        _ = try nextByte(or: .value)
        let start = position
        try skip()
        return UnsafeRawBufferPointer(start: base + start, count: position - start)
    }

    /// Checks that only white space follows.
    package mutating func finish() throws(JSONError) {
        skipWhiteSpace()
        guard position == end else { throw JSONError(.trailingBytes, at: position) }
    }

    private mutating func literal(_ text: StaticString) throws(JSONError) {
        let length = text.utf8CodeUnitCount
        guard UnsafeRawBufferPointer(start: base + position, count: min(length, end - position)).equals(text) else {
            throw JSONError(.expected(.value), at: position)
        }
        position += length
        needsComma = true
    }
}
