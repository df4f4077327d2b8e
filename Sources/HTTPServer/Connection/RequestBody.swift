package import NIOCore

/// The decoded body of a streaming request. Can be iterated once. While it is not consumed, nothing is read from the
/// connection.
package struct RequestBody: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer
    typealias Source = NIOThrowingAsyncSequenceProducer<
        ByteBuffer, any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, RequestBodyDelegate
    >

    let pieces: Source
    let coding: ContentCoding?

    package func makeAsyncIterator() -> Iterator {
        Iterator(pieces: pieces.makeAsyncIterator(), decompressor: coding.map { Decompressor($0) })
    }

    package struct Iterator: AsyncIteratorProtocol {
        /// The maximum size of a decompressed piece, so that a small piece cannot exhaust the memory.
        private static let most = 65_536

        fileprivate let pieces: Source.AsyncIterator
        fileprivate let decompressor: Decompressor?
        private var compressed = ByteBuffer()

        fileprivate init(pieces: Source.AsyncIterator, decompressor: Decompressor?) {
            self.pieces = pieces
            self.decompressor = decompressor
        }

        /// The next piece; nil at the end.
        ///
        /// - Throws: ``Problem`` for an invalid body, or the error that closed the connection.
        package mutating func next() async throws -> ByteBuffer? {
            guard let decompressor else { return try await pieces.next() }
            while true {
                if compressed.readableBytes == 0 {
                    guard let piece = try await pieces.next() else {
                        if decompressor.isComplete { return nil }
                        throw Problem.corruptBody
                    }
                    compressed = piece
                }
                var piece = ByteBuffer()
                do {
                    try decompressor.decompress(&compressed, into: &piece, most: Self.most)
                } catch {
                    throw Problem.corruptBody
                }
                if piece.readableBytes > 0 { return piece }
            }
        }
    }
}

/// Tells the connection when more of a streaming body is needed.
struct RequestBodyDelegate: NIOAsyncSequenceProducerDelegate {
    let eventLoop: any EventLoop
    let handler: NIOLoopBound<ConnectionHandler>

    func produceMore() {
        eventLoop.execute { [handler] in handler.value.readMore() }
    }

    func didTerminate() {
        // A task that stops reading also ends the response, so there is nothing to do.
    }
}
