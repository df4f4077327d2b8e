/// A JSON Pointer (RFC 6901), such as `/payload/after/text`, split into its reference tokens.
package struct JSONPointer: Hashable, Sendable, CustomStringConvertible {
    /// The unescaped reference tokens, as UTF-8.
    let tokens: [[UInt8]]
    /// The pointer as it was written.
    package let description: String

    /// Nil unless the text is a pointer with at least one token: it starts with `/`, and each `~` is followed by `0` or
    /// `1`.
    package init?(_ text: String) {
        guard text.utf8.first == UInt8(ascii: "/") else { return nil }
        var tokens: [[UInt8]] = []
        var rest = text.utf8.makeIterator()
        _ = rest.next()
        var token: [UInt8] = []
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "/"):
                tokens.append(token)
                token = []
            case UInt8(ascii: "~"):
                switch rest.next() {
                case UInt8(ascii: "0"): token.append(UInt8(ascii: "~"))
                case UInt8(ascii: "1"): token.append(UInt8(ascii: "/"))
                default: return nil
                }
            default: token.append(byte)
            }
        }
        self.tokens = tokens + [token]
        description = text
    }

    /// The name of the field of the whole value that the pointer leads to or through.
    package var firstToken: String { String(decoding: tokens[0], as: UTF8.self) }

    /// A token as it stands in a pointer: `~` and `/` escaped.
    static func escaped(_ token: UnsafeRawBufferPointer) -> String {
        String(decoding: token, as: UTF8.self).replacing("~", with: "~0").replacing("/", with: "~1")
    }
}

/// Several JSON Pointers, compiled so that one pass over a value finds them all.
package struct JSONPointerTree: Sendable {
    /// A place in the value that a pointer leads to or through.
    struct Node: Sendable {
        /// The last reference token on the way here.
        var token: [UInt8] = []
        /// The token as the index of an array's element; nil if it is none.
        var index: Int?
        var children: [Int] = []
        /// Whether a child may be an element of an array.
        var hasIndexes = false
        /// The pointers that end here or below.
        var pointers: [Int] = []
        /// The pointers that end here.
        var ends: [Int] = []
    }

    private(set) var nodes = [Node()]

    /// Compiles the pointers; they are known by their index from then on.
    package init(_ pointers: [JSONPointer]) {
        for (number, pointer) in pointers.enumerated() {
            var node = 0
            nodes[0].pointers.append(number)
            for token in pointer.tokens {
                node = child(of: node, token) ?? add(token, to: node)
                nodes[node].pointers.append(number)
            }
            nodes[node].ends.append(number)
        }
    }

    private func child(of node: Int, _ token: [UInt8]) -> Int? {
        nodes[node].children.first { nodes[$0].token == token }
    }

    private mutating func add(_ token: [UInt8], to parent: Int) -> Int {
        // RFC 6901: digits without a leading zero.
        let isIndex = token == [UInt8(ascii: "0")] || token.first != UInt8(ascii: "0")
        let index = isIndex && token.allSatisfy(\.isASCIIDigit) ? Int(String(decoding: token, as: UTF8.self)) : nil
        nodes.append(Node(token: token, index: index))
        nodes[parent].children.append(nodes.count - 1)
        if index != nil { nodes[parent].hasIndexes = true }
        return nodes.count - 1
    }

    /// The child for a field of an object. A handful of children: comparing beats hashing.
    func child(of node: Int, field name: UnsafeRawBufferPointer) -> Int? {
        for child in nodes[node].children {
            let isNamed = nodes[child].token.withUnsafeBytes { $0.count == name.count && $0.elementsEqual(name) }
            if isNamed { return child }
        }
        return nil
    }

    /// The child for an element of an array.
    func child(of node: Int, element index: Int) -> Int? {
        nodes[node].children.first { nodes[$0].index == index }
    }
}
