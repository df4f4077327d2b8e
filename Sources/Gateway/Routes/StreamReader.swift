import HTTPServer
import Messages
import NIOCore
import Platform

/// Reads a stream's lines and has them classified, group by group.
struct StreamReader: Sendable {
    /// How long to wait before asking again when there is no room for a group.
    private static let pause = Duration.milliseconds(10)

    let core: GatewayCore
    let request: Request
    let isPlainText: Bool
    let groupSize: Int
    let window: OrderedWindow<StreamGroup>
    let watchdog: StreamWatchdog

    func run(_ body: RequestBody) async throws {
        // Escapes can make a sentence's JSON six times as long; around it stand names and an id.
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
            // An empty line, such as one at the end, asks for nothing and gets nothing.
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

    /// Sends a group, waiting while the gateway is full; false when the stream has ended.
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
            // A stream has no hurry: its sentences wait at the client's, not in the queue.
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
