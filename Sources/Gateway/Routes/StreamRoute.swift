import HTTPServer
import NIOCore
import NIOHTTP1

/// `POST /v1/classify/stream`: lines in, lines out, in order, for any number of lines in constant memory.
///
/// Three tasks share the work. One reads lines and has them classified in groups; one waits for the oldest group and
/// writes its results; one looks after clients that take too long over a line. Between the first two lies a window of
/// groups: when it is full, nothing more is read, and the client's connection fills up until its own writing waits. So a
/// client must read while it writes.
struct StreamRoute {
    /// The most lines that are sent in one step.
    private static let group = 128
    private static let jsonLines = [ContentType.lines, "application/ndjson", "application/jsonl", "application/json"]

    let core: GatewayCore

    var endpoints: [Endpoint] { [Endpoint(.POST, "/v1/classify/stream", .stream(stream), check: check)] }

    /// What would refuse the whole stream is to be known before the response begins.
    @Sendable
    private func check(_ request: Request) throws(GatewayError) {
        try request.requireContentType(Self.jsonLines + [ContentType.plainText])
        _ = try request.deadline(default: core.configuration.requestTimeout)
        if case .unavailable(let reason) = core.exchange.availability { throw GatewayError(.unavailable, reason) }
    }

    @Sendable
    private func stream(_ request: Request, _ body: RequestBody, _ writer: ResponseWriter) async throws {
        let window = OrderedWindow<StreamGroup>(capacity: max(1, core.configuration.streamWindow / Self.group))
        let watchdog = StreamWatchdog(limit: core.configuration.bodyTimeout)
        let reader = StreamReader(
            core: core, request: request, isPlainText: request.mediaType == ContentType.plainText,
            groupSize: Self.group,
            window: window, watchdog: watchdog)
        // The response begins with the first results: a body that is broken before is refused with a status of its own.
        var hasBegun = false
        func begin() async throws {
            if hasBegun { return }
            hasBegun = true
            try await writer.begin(.ok, headers: [("Content-Type", ContentType.lines)])
        }
        try await withThrowingTaskGroup { tasks in
            tasks.addTask {
                do {
                    try await reader.run(body)
                    window.finish()
                } catch {
                    window.finish(throwing: error)
                }
            }
            tasks.addTask { await watchdog.watch(onTimeout: writer.closeConnection) }
            if let keys = core.keys, let pass = try? keys.check(request["authorization"]) {
                // A stream ends when its key is revoked, however long it is.
                tasks.addTask {
                    while (try? await Task.sleep(for: .seconds(1))) != nil {
                        if !keys.isInForce(pass) { return writer.closeConnection() }
                    }
                }
            }
            // However this ends, the reader must not wait for room that nobody makes any more.
            defer {
                tasks.cancelAll()
                for group in window.abandon() { group.cancel(in: core.exchange) }
            }
            while let group = try await window.take() {
                let results = await group.results(from: core.exchange)
                try await begin()
                try await writer.write(results)
            }
        }
        try await begin()
    }
}
