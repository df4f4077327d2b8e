import HTTPServer
import Messages
import NIOCore
import Platform

/// Reads a stream's lines and submits them in groups.
struct StreamReader: Sendable {
    /// The delay before retrying a group that was refused.
    private static let pause = Duration.milliseconds(10)

    let core: GatewayCore
    let request: Request
    let isPlainText: Bool
    let groupSize: Int
    let window: OrderedWindow<StreamGroup>
    let watchdog: StreamWatchdog

    func run(_ body: RequestBody) async throws {
        // JSON escapes can make a sentence six times as long. The rest is for field names and an id.
        var splitter = LineSplitter(maximumBytes: 6 * core.configuration.maximumTextBytes + 1_024)
        var pieces = body.makeAsyncIterator()
        var number = 0
        while true {
            watchdog.waitForClient(insideLine: splitter.isInsideLine)
            guard let bytes = try await pieces.next() else { break }
            watchdog.clientSent()
            var group = StreamGroup()
            var full: [StreamGroup] = []
            splitter.append(bytes) { line in
                take(line, &number, into: &group, &full)
            }
            for group in full where try await !send(group) { return }
            if !group.isEmpty, try await !send(group) { return }
        }
        watchdog.clientSent()
        var group = StreamGroup()
        var full: [StreamGroup] = []
        splitter.finish { take($0, &number, into: &group, &full) }
        if !group.isEmpty { _ = try await send(group) }
    }

    private func take(
        _ line: LineSplitter.Line, _ number: inout Int, into group: inout StreamGroup, _ full: inout [StreamGroup]
    ) {
        let asked: AskedSentence
        switch line {
        case .tooLong:
            let error = GatewayError(.textTooLong, "the line is longer than a sentence may be")
            asked = AskedSentence(outcome: .failure(error), id: nil)
        case .complete(var bytes):
            // Blank lines, such as one at the end, are skipped.
            if bytes.isBlank { return }
            if bytes.readableBytesView.last == UInt8(ascii: "\r") { bytes.moveWriterIndex(to: bytes.writerIndex - 1) }
            asked = RequestBodies.line(bytes, isPlainText: isPlainText, rules: core.rules)
        }
        number += 1
        group.add(asked, number: number)
        if group.lines.count == groupSize {
            full.append(group)
            group = StreamGroup()
        }
    }

    /// Submits a group and retries while the gateway is overloaded. Returns false if the stream has ended.
    private func send(_ group: StreamGroup) async throws -> Bool {
        var group = group
        let limit = core.configuration.requestTimeout
        let patience = MonotonicTime.now.advanced(by: limit)
        while true {
            group.beginning = Result { () throws(GatewayError) in
                try core.exchange.begin(
                    group.sentences, deadline: try request.deadline(default: limit),
                    usesCache: request.allowsCachedAnswer, trace: request.trace)
            }
            guard case .failure(let error) = group.beginning, error.code == .overloaded, MonotonicTime.now < patience
            else { break }
            // Back-pressure: the sentences wait at the client instead of in the queue.
            try await Task.sleep(for: Self.pause)
        }
        if await window.add(group) { return true }
        group.cancel(in: core.exchange)
        return false
    }
}

extension ByteBuffer {
    fileprivate var isBlank: Bool {
        readableBytesView.allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\t") }
    }
}

/// Splits a byte stream into lines, independent of chunk boundaries.
struct LineSplitter {
    /// One line without its terminator.
    enum Line {
        case complete(ByteBuffer)
        /// A line longer than allowed. Its bytes were dropped.
        case tooLong
    }

    private let maximumBytes: Int
    private var partial = ByteBuffer()
    /// The current line is already too long.
    private var isOverlong = false

    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// Whether a line has started but not ended.
    var isInsideLine: Bool { isOverlong || partial.readableBytes > 0 }

    /// Appends bytes and calls `body` for each line that they complete.
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

    /// Calls `body` for a last line without a terminator.
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
