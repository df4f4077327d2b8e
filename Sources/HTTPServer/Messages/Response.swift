package import NIOCore
package import NIOHTTP1

/// A response that is ready to be written.
package struct Response: Sendable {
    package var status: HTTPResponseStatus
    /// Without those that the server adds: `Content-Length`, `Date`, `Connection`.
    package var headers: [(name: String, value: String)]
    package var body: ByteBuffer
    /// Whether the body's bytes are held for everybody anyway, so that a client that does not read costs no memory.
    var isShared = false

    /// A response with a body of this type.
    package init(
        _ status: HTTPResponseStatus = .ok, type: String, body: ByteBuffer,
        headers: [(name: String, value: String)] = []
    ) {
        self.status = status
        self.headers = [("Content-Type", type)] + headers
        self.body = body
    }

    /// A response with a text of this type.
    package init(_ status: HTTPResponseStatus = .ok, type: String, text: String) {
        self.init(status, type: type, body: ByteBuffer(string: text))
    }

    /// A response without a body.
    package init(_ status: HTTPResponseStatus, headers: [(name: String, value: String)] = []) {
        self.status = status
        self.headers = headers
        self.body = ByteBuffer()
    }

    /// RFC 9457's problem details. The member `error` is where clients of the Open Inference Protocol look.
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

    /// The value of a field, the first when it comes more than once. Names are compared as they are written.
    package func header(_ name: String) -> String? {
        headers.first { $0.name == name }?.value
    }
}

/// Writes the head of a response as RFC 9112 has it.
struct ResponseHead {
    /// How the client knows where the body ends.
    enum Framing {
        case length(Int)
        case chunked
        /// The body ends with the connection, as for a client of HTTP/1.0; or there is none.
        case none
    }

    /// What is said of the connection.
    enum Persistence {
        /// Nothing: HTTP/1.1 goes on.
        case usual
        case close
        /// What a client of HTTP/1.0 that asked for it has to be told.
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
    /// Appends a field's value; a byte that would end the line becomes a space, so that no value can add a field.
    fileprivate mutating func writeFieldValue(_ value: String) {
        let isClean = value.utf8.allSatisfy { $0 != 13 && $0 != 10 && $0 != 0 }
        writeString(isClean ? value : String(value.map { $0.isNewline || $0 == "\0" ? " " : $0 }))
    }
}
