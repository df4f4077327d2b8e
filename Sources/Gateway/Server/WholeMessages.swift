import HTTPTypes
import NIOCore

/// A request that has been read to its end.
struct WholeRequest: Sendable {
    let head: HTTPRequest
    let body: ByteBuffer
    /// When the head had been read.
    let start: MonotonicTime
}

/// A response that is ready to be written.
struct WholeResponse: Sendable {
    var status: HTTPResponse.Status
    var headers: HTTPFields
    var body: ByteBuffer

    /// A response with a body of this type.
    init(_ status: HTTPResponse.Status = .ok, type: String, body: ByteBuffer, headers: HTTPFields = [:]) {
        self.status = status
        self.headers = headers
        self.body = body
        self.headers[.contentType] = type
    }

    /// RFC 9457's account of what went wrong. The member `error` is where clients of the Open Inference Protocol look.
    init(problem error: GatewayError, type: String = ContentType.problem) {
        var body = ByteBuffer()
        body.reserveCapacity(256)
        body.writeStaticString("{\"type\":\"urn:triage:problem:")
        body.writeString(error.code.rawValue)
        body.writeStaticString("\",\"title\":")
        body.writeJSON(string: error.code.title)
        body.writeStaticString(",\"status\":")
        body.writeDecimal(error.code.status.code)
        body.writeStaticString(",\"detail\":")
        body.writeJSON(string: error.detail)
        body.writeStaticString(",\"code\":\"")
        body.writeString(error.code.rawValue)
        body.writeStaticString("\",\"error\":")
        body.writeJSON(string: error.detail)
        body.writeStaticString("}")
        var headers: HTTPFields = [:]
        if let seconds = error.code.retryAfter { headers[.retryAfter] = String(seconds) }
        if error.code == .unauthorized { headers[.wwwAuthenticate] = "Bearer realm=\"triage\"" }
        self.init(error.code.status, type: type, body: body, headers: headers)
    }
}
