package import NIOCore
package import NIOHTTP1

/// A complete response.
package struct Response: Sendable {
    package var status: HTTPResponseStatus
    /// Without those that the server adds: `Content-Length`, `Date`, `Connection`.
    package var headers: [(name: String, value: String)]
    package var body: ByteBuffer
    /// Whether the body is shared static content, which does not count towards the memory budget.
    var isShared = false

    /// A response with a body of this content type.
    package init(
        _ status: HTTPResponseStatus = .ok, type: String, body: ByteBuffer,
        headers: [(name: String, value: String)] = []
    ) {
        self.status = status
        self.headers = [("Content-Type", type)] + headers
        self.body = body
    }

    /// A response with text of this content type.
    package init(_ status: HTTPResponseStatus = .ok, type: String, text: String) {
        self.init(status, type: type, body: ByteBuffer(string: text))
    }

    /// A response without a body.
    package init(_ status: HTTPResponseStatus, headers: [(name: String, value: String)] = []) {
        self.status = status
        self.headers = headers
        self.body = ByteBuffer()
    }

    /// RFC 9457 problem details. Clients of the Open Inference Protocol read the member `error`.
    package init(_ problem: Problem) {
        var body = ByteBuffer()
        body.reserveCapacity(256)
        body.writeStaticString("{\"type\":\"urn:triage:problem:")
        body.writeString(problem.code)
        body.writeStaticString("\",\"title\":")
        body.writeJSON(string: problem.title)
        body.writeStaticString(",\"status\":")
        body.writeDecimal(Int(problem.status.code))
        body.writeStaticString(",\"detail\":")
        body.writeJSON(string: problem.detail)
        body.writeStaticString(",\"code\":\"")
        body.writeString(problem.code)
        body.writeStaticString("\",\"error\":")
        body.writeJSON(string: problem.detail)
        body.writeStaticString("}")
        self.init(problem.status, type: Problem.contentType, body: body, headers: problem.headers)
    }

    /// The value of a header, the first if it is repeated. The name is case-sensitive.
    package func header(_ name: String) -> String? {
        headers.first { $0.name == name }?.value
    }
}

/// Writes the head of a response (RFC 9112).
struct ResponseHead {
    /// How the client finds the end of the body.
    enum Framing {
        case length(Int)
        case chunked
        /// The body ends when the connection closes, as for HTTP/1.0 clients, or there is none.
        case none
    }

    /// The value of the `Connection` header.
    enum Persistence {
        /// No header: HTTP/1.1 connections are persistent by default.
        case usual
        case close
        /// Required by HTTP/1.0 clients that asked for keep-alive.
        case keepAlive
    }

    static func write(
        _ status: HTTPResponseStatus, _ headers: [(name: String, value: String)], framing: Framing,
        persistence: Persistence, date: String, isSecure: Bool, into buffer: inout ByteBuffer
    ) {
        buffer.writeStaticString("HTTP/1.1 ")
        buffer.writeDecimal(Int(status.code))
        buffer.writeStaticString(" ")
        buffer.writeString(status.reasonPhrase)
        buffer.writeStaticString("\r\n")
        for (name, value) in headers {
            buffer.writeString(name)
            buffer.writeStaticString(": ")
            buffer.writeFieldValue(value)
            buffer.writeStaticString("\r\n")
        }
        switch framing {
        case .length(let length):
            buffer.writeStaticString("Content-Length: ")
            buffer.writeDecimal(length)
            buffer.writeStaticString("\r\n")
        case .chunked: buffer.writeStaticString("Transfer-Encoding: chunked\r\n")
        case .none: break
        }
        switch persistence {
        case .usual: break
        case .close: buffer.writeStaticString("Connection: close\r\n")
        case .keepAlive: buffer.writeStaticString("Connection: keep-alive\r\n")
        }
        if isSecure { buffer.writeStaticString("Strict-Transport-Security: max-age=31536000\r\n") }
        buffer.writeStaticString("Date: ")
        buffer.writeString(date)
        buffer.writeStaticString("\r\n\r\n")
    }
}

extension ByteBuffer {
    /// Appends a header value with line breaks and NUL replaced by spaces, to prevent header injection.
    fileprivate mutating func writeFieldValue(_ value: String) {
        let isClean = value.utf8.allSatisfy { $0 != 13 && $0 != 10 && $0 != 0 }
        writeString(isClean ? value : String(value.map { $0.isNewline || $0 == "\0" ? " " : $0 }))
    }
}
