import NIOCore

/// Cuts a stream of bytes into lines, however the bytes were cut on their way.
struct LineSplitter {
    /// One line without its end.
    enum Line {
        case complete(ByteBuffer)
        /// A line longer than allowed; its bytes are gone.
        case tooLong
    }

    private let maximumBytes: Int
    private var partial = ByteBuffer()
    /// The line being read is too long already.
    private var isOverlong = false

    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// Whether a line has begun and not ended.
    var isInsideLine: Bool { isOverlong || partial.readableBytes > 0 }

    /// Takes bytes and hands each line that they end to `body`.
    mutating func append(_ bytes: ByteBuffer, _ body: (Line) -> Void) {
        var bytes = bytes
        while let length = bytes.readableBytesView.firstIndex(of: UInt8(ascii: "\n")).map({ $0 - bytes.readerIndex }) {
            guard let end = bytes.readSlice(length: length) else { return }
            bytes.moveReaderIndex(forwardBy: 1)
            finish(with: end, body)
        }
        guard !isOverlong else { return }
        if partial.readableBytes + bytes.readableBytes > maximumBytes {
            isOverlong = true
            partial.clear()
        } else {
            partial.writeImmutableBuffer(bytes)
        }
    }

    /// Hands over a last line that has no end.
    mutating func finish(_ body: (Line) -> Void) {
        if isInsideLine { finish(with: ByteBuffer(), body) }
    }

    private mutating func finish(with end: ByteBuffer, _ body: (Line) -> Void) {
        defer {
            isOverlong = false
            partial.clear()
        }
        guard !isOverlong, partial.readableBytes + end.readableBytes <= maximumBytes else { return body(.tooLong) }
        guard partial.readableBytes > 0 else { return body(.complete(end)) }
        partial.writeImmutableBuffer(end)
        body(.complete(partial))
        partial = ByteBuffer()
    }
}
