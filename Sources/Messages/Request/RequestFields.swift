/// The fields of a request's object, `{"text":"…","id":"…"}`, read so far; shared by Kafka records and HTTP requests.
///
/// ```swift
/// var fields = RequestFields()
/// try reader.beginObject()
/// while let name = try reader.nextKey() { try fields.read(name, from: &reader) }
/// ```
///
/// The last of several fields with one name counts, as in Python, Java and JavaScript. Unknown fields are skipped.
/// Values are borrowed like those of the reader.
package struct RequestFields {
    /// The value of `key`.
    package enum Key {
        /// Missing or null.
        case absent
        case value(UnsafeRawBufferPointer)
        /// Neither a string nor a number. Not ignored, since requests with a key rely on their order.
        case invalid
    }

    /// The caller's id of the sentence: a string, or a number's text. A value of any other kind counts as absent, so
    /// that no sentence is rejected for its id.
    package private(set) var id: UnsafeRawBufferPointer?
    /// The ordering key, if it is read: requests with the same key stay in order.
    package private(set) var key = Key.absent

    /// The most classes in the result, if it is read.
    package private(set) var top = Top.absent

    /// The value of `top`.
    package enum Top {
        /// Missing or null.
        case absent
        case value(Int)
        /// Not a whole number from 1 on.
        case invalid
    }

    private var text: UnsafeRawBufferPointer?
    /// Whether there is a field `text`, of any kind.
    private(set) var hasText = false
    private let readsKey: Bool
    private let readsTop: Bool

    /// - Parameters:
    ///   - readsKey: whether to read `key`; false for Kafka records, which have their own key.
    ///   - readsTop: whether to read `top`; false for Kafka records, for which the worker is told.
    package init(readsKey: Bool = false, readsTop: Bool = false) {
        self.readsKey = readsKey
        self.readsTop = readsTop
    }

    /// Reads the value of the field with this name.
    @inline(__always)
    package mutating func read(
        _ name: UnsafeRawBufferPointer, from reader: inout JSONReader
    ) throws(JSONError) {
        if name.equals("text") {
            hasText = true
            text = try reader.stringOrSkip()
        } else if name.equals("id") {
            id = try reader.identifierOrSkip()
        } else if readsKey || readsTop {
            try readOption(name, from: &reader)
        } else {
            try reader.skip()
        }
    }

    /// What only calls over HTTP have.
    @inline(never)
    private mutating func readOption(
        _ name: UnsafeRawBufferPointer, from reader: inout JSONReader
    ) throws(JSONError) {
        if readsKey, name.equals("key") {
            let isNull = try reader.peek() == .null
            key = try reader.identifierOrSkip().map(Key.value) ?? (isNull ? .absent : .invalid)
        } else if readsTop, name.equals("top") {
            top = try reader.top()
        } else {
            try reader.skip()
        }
    }

    /// The sentence; call after the whole object has been read.
    package func sentence(_ rules: SentenceRules) throws(RequestFailure) -> UnsafeRawBufferPointer {
        guard let text else {
            throw RequestFailure(
                .missingText, hasText ? "\"text\" must be a string" : "the object has no field \"text\"")
        }
        if let violation = rules.violation(ofUTF8: text) { throw violation }
        return text
    }
}

extension JSONReader {
    /// Reads the value of `top`.
    package mutating func top() throws(JSONError) -> RequestFields.Top {
        switch try peek() {
        case .number:
            // 3.0 is an integer to JSON Schema.
            let number = try double()
            return number >= 1 && number == number.rounded() ? .value(Int(min(number, 1e9))) : .invalid
        case .null:
            try skip()
            return .absent
        default:
            try skip()
            return .invalid
        }
    }

    /// Reads a string, unescaped. A value of any other kind is validated and skipped, and gives nil.
    mutating func stringOrSkip() throws(JSONError) -> UnsafeRawBufferPointer? {
        if try peek() == .string { return try string() }
        try skip()
        return nil
    }

    /// Reads an identifier: a string, unescaped, or a number's text. A value of any other kind is validated and
    /// skipped, and gives nil.
    mutating func identifierOrSkip() throws(JSONError) -> UnsafeRawBufferPointer? {
        switch try peek() {
        case .string: return try string()
        case .number: return try number()
        default:
            try skip()
            return nil
        }
    }
}
