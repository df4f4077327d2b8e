import HTTPTypes
import Hummingbird
import NIOCore

extension Response {
    /// A response with a body of this type.
    init(_ status: HTTPResponse.Status = .ok, type: String, body: ByteBuffer, headers: HTTPFields = [:]) {
        var headers = headers
        headers[.contentType] = type
        self.init(status: status, headers: headers, body: ResponseBody(byteBuffer: body))
    }

    /// A response with a text of this type.
    init(_ status: HTTPResponse.Status = .ok, type: String, text: String) {
        self.init(status, type: type, body: ByteBuffer(string: text))
    }

    /// RFC 9457's account of what went wrong. The member `error` is where clients of the Open Inference Protocol look.
    init(problem error: GatewayError) {
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
        self.init(error.code.status, type: ContentType.problem, body: body, headers: headers)
    }
}
