/// A sentence as a caller sent it: its UTF-8 bytes, compared and hashed as bytes.
///
/// A `String` would do the same by Unicode equivalence, which costs several times as much and would let two texts that
/// the classifier sees differently share an answer.
package struct Sentence: Hashable, Sendable {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    package init(_ text: String) {
        self.bytes = Array(text.utf8)
    }

    package static func == (left: Sentence, right: Sentence) -> Bool {
        left.bytes == right.bytes
    }

    package func hash(into hasher: inout Hasher) {
        // Array's own hashing feeds one byte at a time.
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}
