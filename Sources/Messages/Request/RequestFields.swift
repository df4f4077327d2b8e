/// The fields of a request's object, `{"text":"…","id":"…"}`, as far as they have been read: one reader of them for
/// every door.
///
/// ```swift
/// var fields = RequestFields()
/// try reader.beginObject()
/// while let name = try reader.nextKey() { try fields.read(name, from: &reader) }
/// ```
///
/// Of fields with one name the last counts, as in Python, Java and JavaScript. What is not known is passed over. Values
/// are borrowed as those of the reader are.
package struct RequestFields {
    /// What `key` says.
    package enum Key {
        /// There is none, or it is null.
        case absent
        case value(UnsafeRawBufferPointer)
        /// Neither a string nor a number. Others keep the order of their keys, so that is not passed over.
        case invalid
    }

    /// The caller's name for the sentence: a string, or the digits of a number as they stand. A value of any other kind
    /// is as good as none: no sentence is refused for what nobody needs.
    package private(set) var id: UnsafeRawBufferPointer?
    /// Where it is read: whatever must stay in its order has the same.
    package private(set) var key = Key.absent

    private var text: UnsafeRawBufferPointer?
    private var hasText = false
    private let readsKey: Bool

    /// - Parameter readsKey: whether `key` means something. In records it does not, which have one of their own.
    package init(readsKey: Bool = false) {
        self.readsKey = readsKey
    }

    /// Reads the value of the field of this name, whatever it is.
    @inline(__always)
    package mutating func read(
        _ name: UnsafeRawBufferPointer, from reader: inout JSONReader
    ) throws(JSONError) {
        if name.equals("text") {
            hasText = true
            text = try reader.stringOrSkip()
        } else if name.equals("id") {
            id = try reader.identifierOrSkip()
        } else if readsKey, name.equals("key") {
            let isNull = try reader.peek() == .null
            key = try reader.identifierOrSkip().map(Key.value) ?? (isNull ? .absent : .invalid)
        } else {
            try reader.skip()
        }
    }

    /// The sentence, once the whole object has been read.
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
    /// Reads a string, unescaped. A value of any other kind is checked, passed over, and nil.
    mutating func stringOrSkip() throws(JSONError) -> UnsafeRawBufferPointer? {
        if try peek() == .string { return try string() }
        try skip()
        return nil
    }

    /// Reads what can be a name: a string, unescaped, or a number as it is written. A value of any other kind is checked,
    /// passed over, and nil.
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
