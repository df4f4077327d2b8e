/// Requests as clients and attackers write them, right and wrong ones, and what RFC 9110 and RFC 9112 want of a server. The
/// same for every route of every server: `body` is sent in the way that the oddity is about.
package struct HTTPOddity: Sendable, CustomStringConvertible {
    /// What the server has to do.
    package enum Outcome: Sendable {
        /// The request is as good as any other, and the connection goes on.
        case asUsual
        /// The request is as good as any other, and the connection ends with its response.
        case asUsualThenClose
        /// The request is refused with one of these statuses, and the connection ends.
        case refused([Int])
        /// An interim 100 Continue first, then as usual.
        case continueThenAsUsual
    }

    package let name: String
    package let outcome: Outcome
    /// The bytes of the request.
    package let bytes: @Sendable (HTTPExample) -> [UInt8]

    package var description: String { name }
}

/// A request that a route takes.
package struct HTTPExample: Sendable, CustomStringConvertible {
    package var method: String
    package var target: String
    package var type: String?
    package var body: String
    /// The status of the response.
    package var status: Int
    /// Whether the body may be as long as it likes, so that no length is too large at the head.
    package var isStream = false

    package init(
        _ method: String, _ target: String, type: String? = nil, body: String = "", status: Int = 200,
        isStream: Bool = false
    ) {
        self.method = method
        self.target = target
        self.type = type
        self.body = body
        self.status = status
        self.isStream = isStream
    }

    package var description: String { "\(method) \(target)" }

    /// The request with these lines beside `Host` and the type, and the body as it is or in chunks.
    func request(
        _ lines: String = "", target: String? = nil, version: String = "HTTP/1.1", host: String = "Host: x\r\n",
        framing: Framing = .length
    ) -> [UInt8] {
        var text = "\(method) \(target ?? self.target) \(version)\r\n\(host)"
        if let type { text += "Content-Type: \(type)\r\n" }
        switch framing {
        case .length: text += body.isEmpty && method == "GET" ? "" : "Content-Length: \(body.utf8.count)\r\n"
        case .chunked, .badChunk: text += "Transfer-Encoding: chunked\r\n"
        case .none: break
        }
        text += lines + "\r\n"
        switch framing {
        case .length, .none: text += body
        case .chunked:
            text += body.isEmpty ? "" : String(body.utf8.count, radix: 16) + "\r\n\(body)\r\n"
            text += "0\r\n\r\n"
        case .badChunk: text += "zz\r\n\(body)\r\n0\r\n\r\n"
        }
        return Array(text.utf8)
    }

    enum Framing { case length, chunked, badChunk, none }
}

extension HTTPOddity {
    private static func make(
        _ name: String, _ outcome: Outcome, _ bytes: @escaping @Sendable (HTTPExample) -> [UInt8]
    ) -> HTTPOddity {
        HTTPOddity(name: name, outcome: outcome, bytes: bytes)
    }

    /// A request with these lines more.
    private static func with(_ lines: String, _ outcome: Outcome, _ name: String? = nil) -> HTTPOddity {
        make(name ?? lines.split(separator: "\r\n").joined(separator: " | "), outcome) { $0.request(lines) }
    }

    /// All of them.
    package static let all: [HTTPOddity] = framing + connections + heads + targets + expectations

    private static let framing: [HTTPOddity] = [
        make("in chunks", .asUsual) { $0.request(framing: .chunked) },
        make("chunk extensions", .asUsual) { example in
            let size = String(example.body.utf8.count, radix: 16)
            let chunk = example.body.isEmpty ? "" : "\(size);a=b;c=\"d\"\r\n\(example.body)\r\n"
            return example.request("Transfer-Encoding: chunked\r\n", framing: .none).dropLast(example.body.utf8.count)
                + Array("\(chunk)0;x\r\n\r\n".utf8)
        },
        make("trailers", .asUsual) { example in
            example.request(framing: .chunked).dropLast(2) + Array("X-Trailer: 1\r\n\r\n".utf8)
        },
        make("a chunk that is no number", .refused([400])) { $0.request(framing: .badChunk) },
        make("Content-Length and chunks", .refused([400])) {
            $0.request("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", framing: .none)
        },
        make("gzip, chunked", .refused([501])) { $0.request("Transfer-Encoding: gzip, chunked\r\n", framing: .none) },
        make("chunked, identity", .refused([400])) {
            $0.request("Transfer-Encoding: chunked, identity\r\n", framing: .none)
        },
        make("Transfer-Encoding: identity", .refused([400])) {
            $0.request("Transfer-Encoding: identity\r\n", framing: .none)
        },
        make("Transfer-Encoding: xchunked", .refused([400])) {
            $0.request("Transfer-Encoding: xchunked\r\n", framing: .none)
        },
        make("two lengths that differ", .refused([400])) {
            $0.request("Content-Length: 3\r\nContent-Length: 5\r\n", framing: .none)
        },
        make("a length with a sign", .refused([400])) { $0.request("Content-Length: +3\r\n", framing: .none) },
        make("a negative length", .refused([400])) { $0.request("Content-Length: -1\r\n", framing: .none) },
        make("a length in hexadecimal", .refused([400])) { $0.request("Content-Length: 0x3\r\n", framing: .none) },
        make("a list of lengths", .refused([400])) { $0.request("Content-Length: 3, 3\r\n", framing: .none) },
        make("a length over 64 bits", .refused([400])) {
            $0.request("Content-Length: 18446744073709551635\r\n", framing: .none)
        },
        make("HTTP/1.0 in chunks", .refused([400])) { $0.request(version: "HTTP/1.0", framing: .chunked) },
    ]

    private static let connections: [HTTPOddity] = [
        with(
            "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
            .asUsual),
        with("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", .asUsual),
        with("Connection: keep-alive, upgrade\r\nUpgrade: TLS/1.2\r\n", .asUsual),
        with("Upgrade: h2c\r\n", .asUsual, "Upgrade without Connection"),
        with("Connection: Upgrade\r\n", .asUsual, "Connection without Upgrade"),
        with("Connection: close\r\n", .asUsualThenClose),
        with("Connection: Close\r\n", .asUsualThenClose),
        with("Connection: CLOSE\r\n", .asUsualThenClose),
        with("Connection: close, te\r\n", .asUsualThenClose),
        with("Connection: te ,  close\r\n", .asUsualThenClose),
        with("Connection: te\r\nConnection: close\r\n", .asUsualThenClose),
        with("Connection: keep-alive\r\n", .asUsual),
        with("Connection: keep-alive, close\r\n", .asUsualThenClose),
        with("connection: closed\r\n", .asUsual),
        make("HTTP/1.0", .asUsualThenClose) { $0.request(version: "HTTP/1.0") },
        make("HTTP/1.0 without Host", .asUsualThenClose) { $0.request(version: "HTTP/1.0", host: "") },
        make("HTTP/1.0 with close", .asUsualThenClose) { $0.request("Connection: close\r\n", version: "HTTP/1.0") },
    ]

    private static let heads: [HTTPOddity] = [
        make("no Host", .refused([400])) { $0.request(host: "") },
        make("two Hosts", .refused([400])) { $0.request(host: "Host: x\r\nHost: y\r\n") },
        make("the same Host twice", .refused([400])) { $0.request(host: "Host: x\r\nHost: x\r\n") },
        make("a Host with a space", .refused([400])) { $0.request(host: "Host: x y\r\n") },
        make("a Host with a path", .refused([400])) { $0.request(host: "Host: x/y\r\n") },
        make("an empty Host", .asUsual) { $0.request(host: "Host:\r\n") },
        make("a Host with a port", .asUsual) { $0.request(host: "HOST: example.org:8080\r\n") },
        with("X-A: b\r\n c\r\n", .refused([400]), "a folded line"),
        with("X-A : b\r\n", .refused([400]), "a space before the colon"),
        with(" X-A: b\r\n", .refused([400]), "a space before the name"),
        with(": b\r\n", .refused([400]), "no name"),
        with("X(A): b\r\n", .refused([400]), "a parenthesis in the name"),
        with("XA\r\n", .refused([400]), "no colon"),
        with("X-A: b\0c\r\n", .refused([400]), "NUL in a value"),
        with("X-A: b\rX-B: c\r\n", .refused([400]), "CR in a value"),
        with("X-A: \u{e9}\r\n", .asUsual, "bytes over 127 in a value"),
        with("X-A:\t b \t\r\n", .asUsual, "tabs and spaces around a value"),
        with("X-A:\r\n", .asUsual, "an empty value"),
        with("X-Long: \(String(repeating: "x", count: 40_000))\r\n", .refused([431]), "a value over the limit"),
        with(String(repeating: "a: b\r\n", count: 200), .refused([431]), "200 fields"),
        make("an empty line first", .asUsual) { Array("\r\n".utf8) + $0.request() },
        make("HTTP/2.0", .refused([505])) { $0.request(version: "HTTP/2.0") },
        make("HTTP/1.9", .refused([505])) { $0.request(version: "HTTP/1.9") },
        make("no version", .refused([400, 505])) { $0.request(version: "") },
        make("no HTTP at all", .refused([400])) { _ in Array("NONSENSE\r\n\r\n".utf8) },
        make("a TLS handshake", .refused([400])) { _ in [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3] },
    ]

    private static let targets: [HTTPOddity] = [
        make("the absolute form", .asUsual) { $0.request(target: "http://example.org\($0.target)") },
        make("the absolute form in capitals", .asUsual) { $0.request(target: "HTTP://example.org:80\($0.target)") },
        make("a target that is no path", .refused([400])) { $0.request(target: "x\($0.target)") },
    ]

    private static let expectations: [HTTPOddity] = [
        with("Expect: 100-continue\r\n", .continueThenAsUsual),
        with("Expect: 100-Continue\r\n", .continueThenAsUsual),
        with("Expect: 200-maybe\r\n", .refused([417])),
        make("HTTP/1.0 with Expect", .asUsualThenClose) {
            $0.request("Expect: 100-continue\r\n", version: "HTTP/1.0")
        },
    ]
}
