package import NIOCore
package import NIOHTTP1

/// Writes the response of a streaming request. Its functions are called one after the other, by one task.
package struct ResponseWriter: Sendable {
    let eventLoop: any EventLoop
    let handler: NIOLoopBound<ConnectionHandler>
    let number: UInt64

    /// Begins the response. The body follows piece by piece.
    package func begin(
        _ status: HTTPResponseStatus, headers: [(name: String, value: String)]
    ) async throws {
        try await onConnection { $0.beginStream(Response(status, headers: headers), $1, $2) }
    }

    /// Writes a piece of the body, and returns when the connection takes more.
    ///
    /// - Throws: ``ConnectionClosed`` when the client is gone; also at once, and to whoever waits.
    package func write(_ bytes: ByteBuffer) async throws {
        if bytes.readableBytes == 0 { return }
        try await onConnection { $0.writeToStream(bytes, $1, $2) }
    }

    /// Closes the connection at once, whatever is under way.
    package func closeConnection() {
        eventLoop.execute { [handler, number] in handler.value.abortStream(number) }
    }

    /// Ends the response.
    func finish() async throws {
        try await onConnection { $0.finishStream($1, $2) }
    }

    /// Answers with the problem when nothing has been written, and otherwise ends the connection: a response that is cut
    /// off tells the client that it is not whole.
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

/// The client of a response is gone.
package struct ConnectionClosed: Error {}
