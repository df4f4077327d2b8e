/// Why bytes are not the expected JSON, and where. Never quotes the input.
package struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kinds of error.
    package enum Reason: Equatable, Sendable {
        /// The input is not UTF-8.
        case invalidUTF8
        /// The input ended in the middle of a value.
        case unexpectedEnd
        /// This token was expected, but something else was found.
        case expected(StaticToken)
        /// A backslash does not start a valid escape.
        case invalidEscape
        /// A `\u` escape is half of a surrogate pair without the other half.
        case loneSurrogate
        /// A string contains an unescaped control character.
        case unescapedControlCharacter
        /// A number violates JSON's grammar, such as `01` or `1.`.
        case invalidNumber
        /// Values are nested deeper than the reader's limit.
        case tooDeep
        /// Something other than white space follows the value.
        case trailingBytes
    }

    /// What a reader can expect.
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

    /// The kind of error.
    package var reason: Reason
    /// The byte offset of the error in the input.
    package var offset: Int

    init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    /// One human-readable line, such as `expected ',' or '}' at byte 12`.
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
