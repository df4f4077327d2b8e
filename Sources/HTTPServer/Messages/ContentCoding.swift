import CZlib
package import NIOCore

/// The supported content codings of requests and responses (RFC 9110, 8.4.1).
package enum ContentCoding: String, Sendable {
    case gzip
    /// In zlib format, as the standard requires. A raw deflate stream, which some clients send, is accepted too.
    case deflate

    /// The coding of a body with this `Content-Encoding`; nil if it is not encoded.
    ///
    /// - Throws: ``Problem/unsupportedContentCoding`` for any other coding, and for several at once.
    static func ofBody(_ values: [Substring]) throws(Problem) -> ContentCoding? {
        let codings = values.map { $0.lowercased() }.filter { $0 != "identity" && !$0.isEmpty }
        guard let coding = codings.first else { return nil }
        guard codings.count == 1, let known = ContentCoding(rawValue: coding == "x-gzip" ? "gzip" : coding) else {
            throw .unsupportedContentCoding
        }
        return known
    }

    /// The supported coding that this `Accept-Encoding` prefers; nil if there is none.
    static func accepted(by values: [Substring]) -> ContentCoding? {
        var weights: [String: Double] = [:]
        for value in values {
            let parts = value.split(separator: ";")
            guard let name = parts.first?.filter({ $0 != " " && $0 != "\t" }).lowercased() else { continue }
            let quality = parts.dropFirst().lazy.map { $0.filter { $0 != " " && $0 != "\t" } }
                .first { $0.hasPrefix("q=") || $0.hasPrefix("Q=") }
            weights[name == "x-gzip" ? "gzip" : name] = quality.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
        }
        let gzip = weights["gzip"] ?? weights["*"] ?? 0
        let deflate = weights["deflate"] ?? weights["*"] ?? 0
        if gzip <= 0 && deflate <= 0 { return nil }
        return gzip >= deflate ? .gzip : .deflate
    }
}

/// Decodes a content coding incrementally. Owned by one connection or one stream.
// Unchecked: zlib's state is not bound to a thread, and only the one task or event loop that owns a decompressor uses
// it.
final class Decompressor: @unchecked Sendable {
    enum Failure: Error {
        /// The input does not match its coding.
        case corrupt
        /// The output would be larger than allowed.
        case tooLarge
    }

    private let coding: ContentCoding
    // On the heap, because zlib keeps the address of its state.
    private let stream: UnsafeMutablePointer<z_stream>
    private var hasBegun = false
    private(set) var isComplete = false

    init(_ coding: ContentCoding) {
        self.coding = coding
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
    }

    deinit {
        if hasBegun { inflateEnd(stream) }
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    /// Decompresses `input` into `output` until the input is used up or `most` bytes have been appended.
    ///
    /// - Throws: ``Failure/corrupt``, also for trailing bytes.
    func decompress(_ input: inout ByteBuffer, into output: inout ByteBuffer, most: Int) throws(Failure) {
        if !hasBegun, input.readableBytes > 0 { try begin(input) }
        var appended = 0
        while input.readableBytes > 0, appended < most {
            if isComplete { throw .corrupt }
            let room = min(most - appended, 65_536)
            var result = Z_OK
            appended += output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { out in
                let limit = min(room, out.count)
                input.readWithUnsafeMutableReadableBytes { bytes in
                    stream.pointee.next_in = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
                    stream.pointee.avail_in = UInt32(clamping: bytes.count)
                    stream.pointee.next_out = out.baseAddress?.assumingMemoryBound(to: UInt8.self)
                    stream.pointee.avail_out = UInt32(limit)
                    let offered = stream.pointee.avail_in
                    result = inflate(stream, Z_NO_FLUSH)
                    return Int(offered - stream.pointee.avail_in)
                }
                return limit - Int(stream.pointee.avail_out)
            }
            switch result {
            case Z_OK, Z_BUF_ERROR: break
            case Z_STREAM_END: isComplete = true
            default: throw .corrupt
            }
        }
    }

    private func begin(_ input: ByteBuffer) throws(Failure) {
        // 15 window bits; adding 16 selects gzip, and a negative value raw deflate. A zlib header has method 8 in the
        // low bits of its first byte; raw streams do not start that way in practice.
        let isZlib = (input.readableBytesView.first ?? 0) & 0x0F == 8
        let bits: Int32 = coding == .gzip ? 15 + 16 : isZlib ? 15 : -15
        guard triage_inflate_init(stream, bits) == Z_OK else { throw .corrupt }
        hasBegun = true
    }
}

extension ByteBuffer {
    /// The bytes compressed with this coding; nil if zlib cannot allocate memory.
    ///
    /// - Parameter level: from 1 (fastest) to 9 (smallest).
    package func compressed(_ coding: ContentCoding, level: Int32) -> ByteBuffer? {
        // On the heap, because zlib keeps the address of its state.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        defer { stream.deallocate() }
        guard triage_deflate_init(stream, level, coding == .gzip ? 15 + 16 : 15) == Z_OK else { return nil }
        defer { deflateEnd(stream) }
        var input = self
        var output = ByteBuffer()
        var result = Z_OK
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: Int(deflateBound(stream, UInt(readableBytes)))) {
            out in
            input.readWithUnsafeMutableReadableBytes { bytes in
                stream.pointee.next_in = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_in = UInt32(clamping: bytes.count)
                stream.pointee.next_out = out.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(clamping: out.count)
                result = deflate(stream, Z_FINISH)
                return bytes.count
            }
            return out.count - Int(stream.pointee.avail_out)
        }
        return result == Z_STREAM_END ? output : nil
    }
}
