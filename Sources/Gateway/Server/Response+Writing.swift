import HTTPTypes
import Hummingbird
import NIOCore

extension Response {
    /// A response that is all there.
    init(_ whole: WholeResponse) {
        self.init(status: whole.status, headers: whole.headers, body: ResponseBody(byteBuffer: whole.body))
    }

    /// A response with a body of this type.
    init(_ status: HTTPResponse.Status = .ok, type: String, body: ByteBuffer, headers: HTTPFields = [:]) {
        self.init(WholeResponse(status, type: type, body: body, headers: headers))
    }

    /// A response with a text of this type.
    init(_ status: HTTPResponse.Status = .ok, type: String, text: String) {
        self.init(status, type: type, body: ByteBuffer(string: text))
    }

    /// RFC 9457's account of what went wrong.
    init(problem error: GatewayError, type: String = ContentType.problem) {
        self.init(WholeResponse(problem: error, type: type))
    }
}
