package import NIOCore
package import NIOHTTP1
package import Platform

/// A request as a route receives it: its validated head, and its body if the route takes one.
package struct Request: Sendable {
    package let method: HTTPMethod
    /// The path as sent, without the query.
    package let path: Substring
    /// The part after the `?`; nil if there is none.
    package let query: Substring?
    package let headers: HTTPHeaders
    /// The percent-decoded values of the path parameters, with their names in the route's path.
    package internal(set) var parameters: [(name: String, value: String)] = []
    /// The complete decoded body; empty for routes without a body and for streams.
    package internal(set) var body = ByteBuffer()
    /// When the head was received.
    package let start: MonotonicTime

    init(method: HTTPMethod, target: RequestTarget, headers: HTTPHeaders, start: MonotonicTime) {
        self.method = method
        self.path = target.path
        self.query = target.query
        self.headers = headers
        self.start = start
    }

    /// The value of a path parameter.
    package func parameter(_ name: String) -> String? {
        parameters.first { $0.name == name }?.value
    }

    /// The value of a header, the first if it is repeated.
    package subscript(_ name: String) -> String? { headers.first(name: name) }
}

/// The target of a request line (RFC 9112, 3.2), for a server that is not a proxy.
struct RequestTarget {
    var path: Substring
    var query: Substring?

    /// The path `/`.
    static let root = RequestTarget(path: "/", query: nil)

    private init(path: Substring, query: Substring?) {
        self.path = path
        self.query = query
    }

    /// Parses a request target; nil if invalid. Ignores the authority of an absolute form: there is only one host.
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
