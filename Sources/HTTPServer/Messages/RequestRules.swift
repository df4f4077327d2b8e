import NIOHTTP1

/// The rules of RFC 9110 and RFC 9112 for a request's head, independent of its route, and what they mean for the
/// connection. Reads the headers once.
struct RequestRules {
    /// Whether the connection stays open after the response.
    let isPersistent: Bool
    /// Whether the response must say so, as for HTTP/1.0 clients.
    let isOldKeepAlive: Bool
    /// Whether the client waits for `100 Continue` before it sends the body.
    let expectsContinue: Bool
    /// Whether the client understands chunked and interim responses, unlike HTTP/1.0 clients.
    let isCurrent: Bool
    /// The announced length; nil for a chunked body or no body.
    let contentLength: Int?
    /// Whether a body follows.
    let hasBody: Bool

    /// For an unparsable request: the connection closes after the response.
    static let unreadable = RequestRules()

    private init() {
        isPersistent = false
        isOldKeepAlive = false
        expectsContinue = false
        isCurrent = true
        contentLength = nil
        hasBody = false
    }

    init(_ head: HTTPRequestHead) throws(Problem) {
        let isCurrent = head.version.minor >= 1
        var hosts = 0
        var closes = false
        var keepsAlive = false
        var expectations = 0
        var length: Int?
        var codings: [Substring] = []
        var isCoded = false
        for (name, value) in head.headers {
            switch name.utf8.count {
            case 4 where name.isField("host"):
                hosts += 1
                if !value.isHost { throw .malformed("the field Host does not name a host") }
            case 6 where name.isField("expect") && isCurrent:
                for token in value.listElements {
                    guard token.isField("100-continue") else { throw .unsupportedExpectation }
                    expectations += 1
                }
            // NIO's parser treats `Proxy-Connection`, which some clients still send, as `Connection`, so we must too.
            case 10 where name.isField("connection"), 16 where name.isField("proxy-connection"):
                for token in value.listElements {
                    if token.isField("close") { closes = true }
                    if token.isField("keep-alive") { keepsAlive = true }
                }
            case 14 where name.isField("content-length"):
                guard length == nil, let count = Int(value), count >= 0 else {
                    throw .malformed("Content-Length must be one number of bytes")
                }
                length = count
            case 17 where name.isField("transfer-encoding"):
                isCoded = true
                codings += value.listElements
            default: break
            }
        }
        if hosts > 1 { throw .malformed("the field Host stands there more than once") }
        if hosts == 0, isCurrent { throw .malformed("the field Host is missing") }
        if isCoded {
            if !isCurrent { throw .malformed("HTTP/1.0 has no Transfer-Encoding") }
            if length != nil { throw .malformed("Content-Length and Transfer-Encoding exclude each other") }
            guard codings.last?.isField("chunked") == true else {
                throw .malformed("the last transfer coding must be chunked")
            }
            if codings.count > 1 { throw .unsupportedTransferCoding }
        }
        self.isCurrent = isCurrent
        isOldKeepAlive = !isCurrent && !closes && keepsAlive
        isPersistent = isCurrent ? !closes : isOldKeepAlive
        contentLength = length
        hasBody = isCoded || (length ?? 0) > 0
        expectsContinue = expectations > 0 && hasBody
    }
}

extension HTTPRequestHead {
    /// Whether NIO's parser stops after this request and treats the rest as another protocol.
    var stopsParser: Bool {
        if method == .CONNECT { return true }
        return headers.contains(name: "upgrade")
            && ["connection", "proxy-connection"].contains { name in
                headers[name].contains { $0.listElements.contains { $0.isField("upgrade") } }
            }
    }
}

extension StringProtocol {
    /// Compares a field name or token with a lowercase one, ignoring case.
    func isField(_ lowercase: StaticString) -> Bool {
        let wanted = UnsafeBufferPointer(start: lowercase.utf8Start, count: lowercase.utf8CodeUnitCount)
        return utf8.elementsEqual(wanted) { byte, wanted in
            byte == wanted || (byte | 0x20 == wanted && byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z"))
        }
    }

    /// The elements of a comma-separated field, trimmed and without empty ones.
    var listElements: [SubSequence] {
        split(separator: ",").map(\.trimmed).filter { !$0.isEmpty }
    }

    /// Without leading and trailing spaces and tabs.
    package var trimmed: SubSequence {
        let start = drop { $0 == " " || $0 == "\t" }
        guard let last = start.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return start }
        return start[...last]
    }

    /// Whether this can be a `Host` value: visible characters, and none that would end the host and port.
    fileprivate var isHost: Bool {
        utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "/"), UInt8(ascii: ","), UInt8(ascii: "@"), UInt8(ascii: "?"), UInt8(ascii: "#"): false
            default: byte > 0x20 && byte < 0x7F
            }
        }
    }
}
