import Messages

/// The topics that replies may go to: the allow-list, the default first.
package struct ReplyTopics: Sendable {
    package let names: [String]
    private let bytes: [[UInt8]]

    package init(_ names: [String]) {
        self.names = names
        bytes = names.map { Array($0.utf8) }
    }

    /// The place of the topic that a request names, the default's if it names none; `nil` if it is not allowed.
    package func index(of name: UnsafeRawBufferPointer?) -> Int? {
        guard let name else { return 0 }
        // A handful of names: comparing beats hashing.
        return bytes.firstIndex { known in known.withUnsafeBytes { $0.equals(name) } }
    }
}
