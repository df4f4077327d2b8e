import NIOHTTP1

/// What RFC 9110 and RFC 9112 demand of a request's head before anybody looks at its route, and what follows for the
/// connection. The fields are gone through once.
struct RequestRules {
    /// Whether the connection may go on after the response.
    let isPersistent: Bool
    /// Whether the client has to be told so, as one of HTTP/1.0 has.
    let isOldKeepAlive: Bool
    /// Whether the client waits for `100 Continue` before it sends the body.
    let expectsContinue: Bool
    /// Whether the client understands chunked and interim responses, which those of HTTP/1.0 do not.
    let isCurrent: Bool
    /// The length that the head announces; nil for a chunked body, and for none.
    let contentLength: Int?
    /// Whether a body follows.
    let hasBody: Bool

    /// For a request that cannot be understood at all: the connection ends with its response.
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
            // NIO's parser reads `Proxy-Connection`, which some clients still send, as `Connection`, and so must we.
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
    /// Whether NIO's parser stops after this request, since it takes what follows for another protocol.
    var stopsParser: Bool {
        if method == .CONNECT { return true }
        return headers.contains(name: "upgrade")
            && ["connection", "proxy-connection"].contains { name in
                headers[name].contains { $0.listElements.contains { $0.isField("upgrade") } }
            }
    }
}

extension StringProtocol {
    /// Whether this is the field name or token, which is given in lower case.
    func isField(_ lowercase: StaticString) -> Bool {
        let wanted = UnsafeBufferPointer(start: lowercase.utf8Start, count: lowercase.utf8CodeUnitCount)
        return utf8.elementsEqual(wanted) { byte, wanted in
            byte == wanted || (byte | 0x20 == wanted && byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z"))
        }
    }

    /// The elements of a field that is a list, without the white space around them; empty ones do not count.
    var listElements: [SubSequence] {
        split(separator: ",").map(\.trimmed).filter { !$0.isEmpty }
    }

    /// Without spaces and tabs at either end.
    package var trimmed: SubSequence {
        let start = drop { $0 == " " || $0 == "\t" }
        guard let last = start.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return start }
        return start[...last]
    }

    /// Whether this can be the value of `Host`: visible characters, and none that ends a host and its port.
    fileprivate var isHost: Bool {
        utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "/"), UInt8(ascii: ","), UInt8(ascii: "@"), UInt8(ascii: "?"), UInt8(ascii: "#"): false
            default: byte > 0x20 && byte < 0x7F
            }
        }
    }
}
