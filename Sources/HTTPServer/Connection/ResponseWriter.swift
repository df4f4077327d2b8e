package import NIOCore
package import NIOHTTP1

/// Writes the response of a streaming request. Must be called sequentially from one task.
package struct ResponseWriter: Sendable {
    let eventLoop: any EventLoop
    let handler: NIOLoopBound<ConnectionHandler>
    let number: UInt64

    /// Begins the response. The body follows in pieces.
    package func begin(
        _ status: HTTPResponseStatus, headers: [(name: String, value: String)]
    ) async throws {
        try await onConnection { $0.beginStream(Response(status, headers: headers), $1, $2) }
    }

    /// Writes a piece of the body. Returns when the connection is writable again.
    ///
    /// - Throws: ``ConnectionClosed`` if the client is gone, also while waiting.
    package func write(_ bytes: ByteBuffer) async throws {
        if bytes.readableBytes == 0 { return }
        try await onConnection { $0.writeToStream(bytes, $1, $2) }
    }

    /// Closes the connection immediately, even during a request.
    package func closeConnection() {
        eventLoop.execute { [handler, number] in handler.value.abortStream(number) }
    }

    /// Ends the response.
    func finish() async throws {
        try await onConnection { $0.finishStream($1, $2) }
    }

    /// Responds with the problem if nothing has been written; otherwise closes the connection, so that the client
    /// notices the truncated response.
    func fail(_ problem: Problem) {
        eventLoop.execute { [handler, number] in handler.value.failStream(problem, number) }
    }

    typealias Continuation = CheckedContinuation<Void, any Error>

    private func onConnection(
        _ body: @escaping @Sendable (ConnectionHandler, UInt64, Continuation) -> Void
    ) async throws {
        try await withCheckedThrowingContinuation { (continuation: Continuation) in
            eventLoop.execute { [handler, number] in body(handler.value, number, continuation) }
        }
    }
}

/// The client has disconnected.
package struct ConnectionClosed: Error {}
