/// Why bytes are not the JSON that was asked for, and where. It never quotes the input.
package struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was wrong.
    package enum Reason: Equatable, Sendable {
        /// The input is not UTF-8.
        case invalidUTF8
        /// The input ended in the middle of a value.
        case unexpectedEnd
        /// Something else stood where this was needed.
        case expected(StaticToken)
        /// A backslash is followed by something that is not an escape.
        case invalidEscape
        /// A `\u` escape is half of a surrogate pair without the other half.
        case loneSurrogate
        /// A control character stands unescaped in a string.
        case unescapedControlCharacter
        /// A number is not written as JSON asks, such as `01` or `1.`.
        case invalidNumber
        /// Values are nested more deeply than the reader follows.
        case tooDeep
        /// Something other than white space follows the value.
        case trailingBytes
    }

    /// What a reader may ask for.
    package enum StaticToken: String, Equatable, Sendable {
        case value = "a value"
        case object = "an object"
        case array = "an array"
        case string = "a string"
        case number = "a number"
        case integer = "an integer"
        case boolean = "true or false"
        case key = "a field's name in quotes"
        case colon = "':'"
        case commaOrBrace = "',' or '}'"
        case commaOrBracket = "',' or ']'"
    }

    /// What was wrong.
    package var reason: Reason
    /// Where it was noticed, in bytes from the start of the input.
    package var offset: Int

    init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    /// One line for people, such as `expected ',' or '}' at byte 12`.
    package var description: String {
        switch reason {
        case .invalidUTF8: "not UTF-8"
        case .unexpectedEnd: "the JSON ends too early, at byte \(offset)"
        case .expected(let token): "expected \(token.rawValue) at byte \(offset)"
        case .invalidEscape: "invalid escape in a string at byte \(offset)"
        case .loneSurrogate: "half of a surrogate pair at byte \(offset)"
        case .unescapedControlCharacter: "unescaped control character in a string at byte \(offset)"
        case .invalidNumber: "invalid number at byte \(offset)"
        case .tooDeep: "nested too deeply at byte \(offset)"
        case .trailingBytes: "more than one JSON value: unexpected bytes at byte \(offset)"
        }
    }
}
