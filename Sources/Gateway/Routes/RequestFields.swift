import HTTPServer
import Messages
import NIOHTTP1

/// The values of `Content-Type` that the gateway answers with.
enum ContentType {
    static let json = "application/json"
    static let lines = "application/x-ndjson"
    static let binary = "application/octet-stream"
    static let html = "text/html; charset=utf-8"
    static let css = "text/css; charset=utf-8"
    static let script = "text/javascript; charset=utf-8"
}

/// What the routes read of a request's fields and query.
extension Request {
    /// When the caller stops waiting: after the default, or sooner if the request says so.
    func deadline(default limit: Duration) throws(GatewayError) -> Deadline {
        guard let value = self["x-request-timeout-ms"] else { return Deadline(in: limit) }
        guard let milliseconds = Int64(value), milliseconds > 0 else {
            throw GatewayError(.invalidParameter, "X-Request-Timeout-Ms must be a positive number of milliseconds")
        }
        return Deadline(in: min(limit, .milliseconds(milliseconds)))
    }

    /// Whether an answer made for somebody else will do.
    var allowsCachedAnswer: Bool {
        guard let control = self["cache-control"] else { return true }
        return !control.contains("no-cache") && !control.contains("no-store")
    }

    /// The trace that the request belongs to, when what it says of it can be a trace.
    var trace: CallerTrace? {
        guard var parent = self["traceparent"],
            parent.withUTF8({ TraceContext.isValid(traceparent: UnsafeRawBufferPointer($0)) })
        else { return nil }
        let state = self["tracestate"].flatMap { $0.utf8.count <= 512 ? $0 : nil }
        return CallerTrace(parent: parent, state: state)
    }

    /// Throws unless the body has one of these media types. Parameters, such as a charset, do not matter.
    func requireContentType(_ allowed: [String]) throws(GatewayError) {
        guard let mediaType, allowed.contains(mediaType) else {
            throw GatewayError(.unsupportedContentType, "Content-Type must be \(allowed.joined(separator: " or "))")
        }
    }

    /// The body's media type in lower case, without parameters.
    var mediaType: String? {
        guard let value = self["content-type"] else { return nil }
        if value == ContentType.json { return value }
        return value.prefix { $0 != ";" }.trimmed.lowercased()
    }

    /// The value of a parameter of the query, decoded as HTML forms encode it; nil when it is not there.
    func queryParameter(_ name: String) throws(GatewayError) -> [UInt8]? {
        guard let query else { return nil }
        for pair in query.utf8.prefix(while: { $0 != UInt8(ascii: "#") }).split(separator: UInt8(ascii: "&")) {
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
