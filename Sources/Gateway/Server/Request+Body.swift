import Hummingbird
import NIOCore

extension Request {
    /// The body, at most `limit` bytes of it.
    func collectBody(limit: Int) async throws(GatewayError) -> ByteBuffer {
        try head.requireBody(atMost: limit)
        do {
            return try await body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw .bodyTooLarge(limit)
        } catch {
            throw GatewayError(.cancelled, "the body was cut off")
        }
    }
}
