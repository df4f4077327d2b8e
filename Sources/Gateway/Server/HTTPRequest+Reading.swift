import HTTPTypes
import Messages

extension HTTPRequest {
    /// When the caller stops waiting: after the default, or sooner if the request says so.
    func deadline(default limit: Duration) throws(GatewayError) -> Deadline {
        guard let value = headerFields[.requestTimeout] else { return Deadline(in: limit) }
        guard let milliseconds = Int64(value), milliseconds > 0 else {
            throw GatewayError(.invalidParameter, "X-Request-Timeout-Ms must be a positive number of milliseconds")
        }
        return Deadline(in: min(limit, .milliseconds(milliseconds)))
    }

    /// Whether an answer made for somebody else will do.
    var allowsCachedAnswer: Bool {
        guard let control = headerFields[.cacheControl] else { return true }
        return !control.contains("no-cache") && !control.contains("no-store")
    }

    /// The trace that the request belongs to, when what it says of it can be a trace.
    var trace: CallerTrace? {
        guard var parent = headerFields[.traceparent],
            parent.withUTF8({ TraceContext.isValid(traceparent: UnsafeRawBufferPointer($0)) })
        else { return nil }
        let state = headerFields[.tracestate].flatMap { $0.utf8.count <= 512 ? $0 : nil }
        return CallerTrace(parent: parent, state: state)
    }

    /// Throws when the head announces a body of more than `limit` bytes.
    func requireBody(atMost limit: Int) throws(GatewayError) {
        guard let length = headerFields[.contentLength].flatMap(Int.init), length > limit else { return }
        throw .bodyTooLarge(limit)
    }

    /// Throws unless the body has one of these media types. Parameters, such as a charset, do not matter.
    func requireContentType(_ allowed: [String]) throws(GatewayError) {
        guard let mediaType, allowed.contains(mediaType) else {
            throw GatewayError(.unsupportedContentType, "Content-Type must be \(allowed.joined(separator: " or "))")
        }
    }

    /// The body's media type in lower case, without parameters.
    var mediaType: String? {
        guard let value = headerFields[.contentType] else { return nil }
        if value == ContentType.json { return value }
        let type = value.prefix { $0 != ";" }
        return type.trimmingSpaces.lowercased()
    }

    /// The value of a parameter of the query, decoded as HTML forms encode it; nil when it is not there.
    func queryParameter(_ name: String) throws(GatewayError) -> [UInt8]? {
        let target = (path ?? "").utf8
        guard let mark = target.firstIndex(of: UInt8(ascii: "?")) else { return nil }
        let query = target[target.index(after: mark)...].prefix { $0 != UInt8(ascii: "#") }
        for pair in query.split(separator: UInt8(ascii: "&")) {
            let key = pair.prefix { $0 != UInt8(ascii: "=") }
            guard key.elementsEqual(name.utf8) else { continue }
            guard let value = FormEncoding.decode(pair.dropFirst(key.count + 1)) else {
                throw GatewayError(.invalidParameter, "\(name) is not percent-encoded rightly")
            }
            return value
        }
        return nil
    }
}

extension GatewayError {
    static func bodyTooLarge(_ limit: Int) -> GatewayError {
        GatewayError(.bodyTooLarge, "the body may have at most \(limit) bytes")
    }
}

extension StringProtocol {
    fileprivate var trimmingSpaces: SubSequence {
        let start = self.drop { $0 == " " || $0 == "\t" }
        guard let last = start.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return start }
        return start[...last]
    }
}
