package import NIOCore
package import NIOHTTP1
package import Platform

/// A request as a route gets it: its head, checked, and its body when the route takes one.
package struct Request: Sendable {
    package let method: HTTPMethod
    /// The path as it was sent, without the query.
    package let path: Substring
    /// What stands behind the `?`; nil when there is none.
    package let query: Substring?
    package let headers: HTTPHeaders
    /// The values of the path's parameters, percent-decoded, by their names in the route's path.
    package internal(set) var parameters: [(name: String, value: String)] = []
    /// The whole body, with its content coding undone; empty for a route that takes none, or reads it as a stream.
    package internal(set) var body = ByteBuffer()
    /// When the head had been read.
    package let start: MonotonicTime

    init(method: HTTPMethod, target: RequestTarget, headers: HTTPHeaders, start: MonotonicTime) {
        self.method = method
        self.path = target.path
        self.query = target.query
        self.headers = headers
        self.start = start
    }

    /// The value of a parameter of the path.
    package func parameter(_ name: String) -> String? {
        parameters.first { $0.name == name }?.value
    }

    /// The value of a field, the first when it comes more than once.
    package subscript(_ name: String) -> String? { headers.first(name: name) }
}

/// The target of a request line (RFC 9112, 3.2), as far as a server that is nobody's proxy needs it.
struct RequestTarget {
    var path: Substring
    var query: Substring?

    /// The path `/`.
    static let root = RequestTarget(path: "/", query: nil)

    private init(path: Substring, query: Substring?) {
        self.path = path
        self.query = query
    }

    /// The target in these words; nil when it is none. Of the absolute form only path and query count: there is one host.
    init?(_ text: String) {
        var rest = text[...]
        if rest.utf8.first != UInt8(ascii: "/"), rest != "*" {
            let scheme = rest.prefix(8).lowercased()
            guard scheme.hasPrefix("http://") || scheme == "https://" else { return nil }
            rest = rest.dropFirst(scheme.hasPrefix("http://") ? 7 : 8)
            let authorityEnd = rest.utf8.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }
            guard authorityEnd != rest.startIndex, !rest.isEmpty else { return nil }
            rest = rest[(authorityEnd ?? rest.endIndex)...]
            if rest.utf8.first != UInt8(ascii: "/") { rest = Substring("/" + rest) }
        }
        if let mark = rest.utf8.firstIndex(of: UInt8(ascii: "?")) {
            path = rest[..<mark]
            query = rest[rest.utf8.index(after: mark)...]
        } else {
            path = rest
            query = nil
        }
    }
}
