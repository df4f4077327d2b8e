/// Reads JSON (RFC 8259) where it lies, one value after the other, without building anything.
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
/// Exactly one value must be read or skipped for each key and each element. Everything is checked, also what is
/// skipped. Strings are borrowed from the input or, if they have escapes, from the scratch arena: valid while both
/// are. A string, once unescaped, is well-formed UTF-8; surrogate halves are refused. A UTF-8 byte order mark at the
/// start is passed over.
package struct JSONReader {
    /// How deep values may be nested unless said otherwise; Foundation's limit too.
    package static let defaultMaximumDepth = 512

    let base: UnsafeRawPointer
    let end: Int
    /// Where the reader stands, in bytes from the start of the input.
    package internal(set) var position: Int
    let scratch: ScratchArena
    private let maximumDepth: Int
    private var depth = 0
    /// Whether the innermost object or array has had a value, so that a comma must come before the next.
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
        // Nothing is read through the replacement: there are no bytes then.
        base = bytes.baseAddress ?? UnsafeRawPointer(StaticString("").utf8Start)
        end = bytes.count
        self.scratch = scratch
        self.maximumDepth = maximumDepth
        let hasByteOrderMark = end >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF
        position = hasByteOrderMark ? 3 : 0
    }

    /// What kind of value comes next.
    package enum Kind: Sendable {
        case object, array, string, number, boolean, null
    }

    /// Says what comes next and does not move.
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

    /// Steps into an object. Call ``nextKey()`` until it returns nil.
    package mutating func beginObject() throws(JSONError) {
        try open(UInt8(ascii: "{"), expected: .object)
    }

    /// Steps into an array. Call ``nextElement()`` until it returns false.
    package mutating func beginArray() throws(JSONError) {
        try open(UInt8(ascii: "["), expected: .array)
    }

    /// The name of the object's next field, unescaped, with the reader before its value; nil at the object's end.
    package mutating func nextKey() throws(JSONError) -> UnsafeRawBufferPointer? {
        guard let range = try nextKeyRange() else { return nil }
        return unescape(range)
    }

    /// Whether the array has one more element, with the reader before it.
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

    /// Reads a number and returns it as it is written.
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

    /// Reads a number without fraction and exponent that fits an Int64.
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

    /// Checks the next value, whatever it is, and passes over it.
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

    /// Checks the next value, passes over it and returns its bytes as they are, without the white space around it.
    package mutating func rawValue() throws(JSONError) -> UnsafeRawBufferPointer {
        _ = try nextByte(or: .value)
        let start = position
        try skip()
        return UnsafeRawBufferPointer(start: base + start, count: position - start)
    }

    /// Checks that nothing follows but white space.
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
