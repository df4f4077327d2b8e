import NIOCore
import NIOHTTP1

/// NIO's HTTP parser, restarted where it stops. It treats everything after an upgrade offer as another protocol, but a
/// server may ignore the offer.
final class RequestDecoder: ByteToMessageDecoder {
    typealias InboundOut = HTTPServerRequestPart

    private let limits: NIOHTTPDecoderLimitConfiguration
    private var parser: HTTPRequestDecoder
    private var hasStopped = false

    init(limits: NIOHTTPDecoderLimitConfiguration) {
        self.limits = limits
        parser = Self.parser(limits)
    }

    private static func parser(_ limits: NIOHTTPDecoderLimitConfiguration) -> HTTPRequestDecoder {
        HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
    }

    /// Must be called at the end of a request after which the parser stops.
    func goOn() {
        hasStopped = true
    }

    func decoderAdded(context: ChannelHandlerContext) {
        parser.decoderAdded(context: context)
    }

    func decoderRemoved(context: ChannelHandlerContext) {
        parser.decoderRemoved(context: context)
    }

    func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
        let state = try parser.decode(context: context, buffer: &buffer)
        guard hasStopped else { return state }
        hasStopped = false
        parser.decoderRemoved(context: context)
        parser = Self.parser(limits)
        parser.decoderAdded(context: context)
        return .continue
    }

    func decodeLast(
        context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool
    ) throws -> DecodingState {
        while buffer.readableBytes > 0, case .continue = try decode(context: context, buffer: &buffer) {}
        return try parser.decodeLast(context: context, buffer: &buffer, seenEOF: seenEOF)
    }
}

extension HTTPParserError {
    /// The response to the client.
    var problem: Problem {
        switch self {
        case .headerOverflow: .headTooLarge
        // The parser pauses at an HTTP/2 preface.
        case .invalidVersion, .paused: .unsupportedVersion
        case .invalidEOFState: .malformed("the request was cut short")
        case .invalidMethod: .malformed("the request does not begin with a method; is it TLS sent to a port without?")
        case .invalidURL: .malformed("the request's target is not a valid path or address")
        case .invalidHeaderToken: .malformed("a header field has characters that are not allowed there")
        case .invalidContentLength, .unexpectedContentLength:
            .malformed("Content-Length must be one whole number, and not come with Transfer-Encoding")
        case .invalidChunkSize: .malformed("a chunk's size is not a hexadecimal number")
        case .lfExpected, .strictModeAssertion: .malformed("a line must end with a carriage return and a line feed")
        default: .malformed("the bytes sent are not HTTP/1.1")
        }
    }
}
