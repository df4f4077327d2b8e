import NIOCore
import NIOHTTP1

/// Static content: loaded and compressed once, and shared by all responses.
package struct Page: Sendable {
    private let type: String
    private let headers: [(name: String, value: String)]
    private let plain: ByteBuffer
    private let compressed: ByteBuffer?
    private let tag: String

    package init(type: String, bytes: [UInt8], headers: [(name: String, value: String)] = []) {
        self.type = type
        self.headers = headers
        plain = ByteBuffer(bytes: bytes)
        let smaller = bytes.count > Response.compressedFrom ? plain.compressed(.gzip, level: 9) : nil
        compressed = smaller.flatMap { $0.readableBytes < bytes.count ? $0 : nil }
        // FNV-1a: enough to distinguish the pages of two releases.
        tag = String(
            bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }, radix: 16)
    }

    /// The page, or 304 if the client has a current copy.
    package func response(to request: Request) -> Response {
        var body = plain
        var coded: [(name: String, value: String)] = []
        var tag = "\"\(tag)\""
        if let compressed {
            coded = [("Vary", "Accept-Encoding")]
            let accepted = request.headers["accept-encoding"].flatMap(\.listElements)
            if !accepted.isEmpty, ContentCoding.accepted(by: accepted) == .gzip {
                body = compressed
                coded.append(("Content-Encoding", "gzip"))
                tag = "\"\(self.tag)-gzip\""
            }
        }
        let known = request.headers["if-none-match"].flatMap(\.listElements)
        if known.contains(where: { $0 == "*" || $0 == tag || $0 == "W/\(tag)" }) {
            return Response(.notModified, headers: [("ETag", tag)] + headers + coded.filter { $0.name == "Vary" })
        }
        var response = Response(type: type, body: body, headers: [("ETag", tag)] + headers + coded)
        response.isShared = true
        return response
    }
}

extension Response {
    /// Smaller bodies are not compressed, because they fit into one packet anyway.
    static let compressedFrom = 1_024

    /// Compresses the body with a coding that the client accepts, if it is large enough.
    mutating func compress(for request: Request) {
        guard !isShared, body.readableBytes > Self.compressedFrom, header("Content-Encoding") == nil else { return }
        headers.append(("Vary", "Accept-Encoding"))
        guard request.headers.contains(name: "accept-encoding"),
            let coding = ContentCoding.accepted(by: request.headers["accept-encoding"].flatMap(\.listElements)),
            // This blocks the event loop, so speed matters more than size.
            let compressed = body.compressed(coding, level: 1)
        else { return }
        body = compressed
        headers.append(("Content-Encoding", coding.rawValue))
    }
}
