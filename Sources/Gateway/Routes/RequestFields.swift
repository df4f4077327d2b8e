import HTTPServer
import Messages
import NIOHTTP1

/// The content types that the gateway accepts or returns.
enum ContentType {
    static let json = "application/json"
    static let event = "application/cloudevents+json"
    static let plainText = "text/plain"
    static let lines = "application/x-ndjson"
    static let binary = "application/octet-stream"
    static let html = "text/html; charset=utf-8"
    static let css = "text/css; charset=utf-8"
    static let script = "text/javascript; charset=utf-8"
}

/// The headers and query parameters that routes read.
extension Request {
    /// The caller's deadline: the default timeout, or a shorter one from the request.
    func deadline(default limit: Duration) throws(GatewayError) -> Deadline {
        guard let value = self["x-request-timeout-ms"] else { return Deadline(in: limit) }
        guard let milliseconds = Int64(value), milliseconds > 0 else {
            throw GatewayError(.invalidParameter, "X-Request-Timeout-Ms must be a positive number of milliseconds")
        }
        return Deadline(in: min(limit, .milliseconds(milliseconds)))
    }

    /// Whether a cached answer is acceptable.
    var allowsCachedAnswer: Bool {
        guard let control = self["cache-control"] else { return true }
        return !control.contains("no-cache") && !control.contains("no-store")
    }

    /// The request's trace context; nil if it is absent or invalid.
    var trace: CallerTrace? {
        guard var parent = self["traceparent"],
            parent.withUTF8({ TraceContext.isValid(traceparent: UnsafeRawBufferPointer($0)) })
        else { return nil }
        let state = self["tracestate"].flatMap { $0.utf8.count <= 512 ? $0 : nil }
        return CallerTrace(parent: parent, state: state)
    }

    /// Throws unless the body has one of these media types. ``ContentType/json`` stands for every JSON type and
    /// ``ContentType/event`` for all CloudEvents, including binary mode with attributes in the headers. A charset must
    /// be UTF-8; other parameters are ignored.
    func requireContentType(_ allowed: [String]) throws(GatewayError) {
        let value = self["content-type"] ?? ""
        if value == ContentType.json, allowed.contains(value) { return }
        let takesEvents = allowed.contains(ContentType.event)
        let isAllowed: Bool
        switch MediaType(value) {
        case .json, .ownJSON:
            // A record without a content type is JSON. A request must declare it, because browsers send untyped
            // requests cross-origin without a preflight. Binary events are exempt: their headers trigger one.
            isAllowed = allowed.contains(ContentType.json) && (!value.isEmpty || (takesEvents && isBinaryEvent))
        case .plainText:
            isAllowed = allowed.contains(ContentType.plainText) || (takesEvents && isBinaryEvent)
        case .structuredEvent:
            isAllowed = takesEvents
        case .other, .avro:
            isAllowed = mediaType.map { allowed.contains($0) } ?? false
        case .refused(let message):
            throw GatewayError(.unsupportedContentType, message)
        }
        if !isAllowed {
            throw GatewayError(.unsupportedContentType, "Content-Type must be \(allowed.joined(separator: " or "))")
        }
    }

    /// Whether the body is a CloudEvent, or the data of one in binary mode.
    var isEvent: Bool {
        if isBinaryEvent { return true }
        guard let value = self["content-type"], value != ContentType.json else { return false }
        return MediaType(value) == .structuredEvent
    }

    /// Whether the headers have CloudEvents attributes.
    private var isBinaryEvent: Bool { headers.contains(name: "ce-specversion") }

    /// Calls `body` with the request's headers translated to record headers.
    func withRecordHeaders<Value>(_ body: (RequestHeaders) -> Value) -> Value {
        var headers = RequestHeaders()
        guard isEvent else { return body(headers) }
        let bytes = ByteArena(capacity: 256)
        var fields: [(name: StaticString, value: Range<Int>)] = []
        if let type = self["content-type"] { fields.append((HeaderName.contentType, bytes.append(text: type))) }
        if isBinaryEvent {
            for (field, name) in Self.eventAttributes {
                guard let value = self[field].map(Self.eventAttribute) else { continue }
                fields.append((name, value.withUnsafeBytes { bytes.append($0) }))
            }
        }
        return withExtendedLifetime(bytes) {
            for (name, value) in fields { headers.add(name: name.bytes, value: bytes.bytes(in: value)) }
            return body(headers)
        }
    }

    private static let eventAttributes = [
        ("ce-specversion", HeaderName.eventSpecVersion), ("ce-id", HeaderName.eventID),
        ("ce-expirytime", HeaderName.eventExpiryTime),
    ]

    /// A CloudEvents attribute, unquoted and percent-decoded. A value with an invalid escape is used as it is, because
    /// some senders do not encode.
    private static func eventAttribute(_ value: String) -> [UInt8] {
        var bytes = Array(value.utf8)
        if bytes.count >= 2, bytes.first == UInt8(ascii: "\""), bytes.last == UInt8(ascii: "\"") {
            bytes = Array(bytes.dropFirst().dropLast())
        }
        return FormEncoding.decode(bytes, plusIsSpace: false) ?? bytes
    }

    /// The body's media type in lowercase, without parameters.
    var mediaType: String? {
        guard let value = self["content-type"] else { return nil }
        if value == ContentType.json { return value }
        return value.prefix { $0 != ";" }.trimmed.lowercased()
    }

    /// The form-decoded value of a query parameter; nil if it is absent.
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

extension MediaType {
    /// Parses a header value.
    fileprivate init(_ value: String) {
        var value = value
        self = value.withUTF8 { MediaType(UnsafeRawBufferPointer($0)) }
    }
}

/// Ids for requests without one.
enum RequestID {
    /// 32 random hexadecimal digits.
    static func fresh() -> String {
        var random = SystemRandomNumberGenerator()
        return CorrelationID(using: &random).hexadecimal
    }
}
