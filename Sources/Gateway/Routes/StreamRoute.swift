import HTTPServer
import NIOCore
import NIOHTTP1
import Platform
import Synchronization

/// `POST /v1/classify/stream`: lines in, lines out, in order, with constant memory for any number of lines.
///
/// Three tasks share the work. One reads lines and submits them in groups, one waits for the oldest group and writes
/// its results, and one watches for clients that take too long over a line. A bounded window of groups connects the
/// first two. When it is full, reading stops and TCP back-pressure reaches the client. A client must therefore read
/// while it writes.
struct StreamRoute {
    /// The maximum number of lines in a group.
    private static let group = 128
    private static let jsonLines = [ContentType.lines, "application/ndjson", "application/jsonl", "application/json"]

    let core: GatewayCore

    var endpoints: [Endpoint] { [Endpoint(.POST, "/v1/classify/stream", .stream(stream), check: check)] }

    /// Checks everything that would refuse the whole stream before the response begins.
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
        // The response begins with the first results, so that a body that fails before then still gets an error status.
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
                // Closes the stream when its key is revoked.
                tasks.addTask {
                    while (try? await Task.sleep(for: .seconds(1))) != nil {
                        if !keys.isInForce(pass) { return writer.closeConnection() }
                    }
                }
            }
            // However this ends, the reader must not keep waiting for room in the window.
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

/// Consecutive lines of a stream, in flight.
struct StreamGroup: Sendable {
    /// One line: its id, and its problem if it was not submitted.
    struct Line: Sendable {
        let id: String
        let problem: GatewayError?
        /// The most classes in its result; nil for all.
        let top: Int?
    }

    var lines: [Line] = []
    var sentences: [Sentence] = []
    /// The started call; set when the group is submitted.
    var beginning: Result<Exchange.Beginning, GatewayError> = .success(
        .finished(CallResult(outcomes: [], sources: [])))

    var isEmpty: Bool { lines.isEmpty }

    mutating func add(_ asked: AskedSentence, number: Int) {
        let id = asked.id ?? String(number)
        switch asked.outcome {
        case .success(let sentence):
            lines.append(Line(id: id, problem: nil, top: asked.top))
            sentences.append(sentence)
        case .failure(let error):
            lines.append(Line(id: id, problem: error, top: nil))
        }
    }

    /// Waits for the answers and writes one line per result.
    func results(from exchange: Exchange) async -> ByteBuffer {
        var outcomes: [Outcome]
        switch beginning {
        case .success(.finished(let result)): outcomes = result.outcomes
        case .success(.waiting(let ticket)): outcomes = await exchange.result(of: ticket).outcomes
        case .failure(let error): outcomes = Array(repeating: .failure(error), count: sentences.count)
        }
        var output = ByteBuffer()
        output.reserveCapacity(lines.count * 256)
        var answers = outcomes.makeIterator()
        for line in lines {
            let outcome: Outcome = line.problem.map { .failure($0) } ?? answers.next() ?? .failure(.cancelled)
            output.writeResult(id: line.id, outcome, top: line.top)
            output.writeStaticString("\n")
        }
        return output
    }

    /// Cancels the group's call.
    func cancel(in exchange: Exchange) {
        if case .success(.waiting(let ticket)) = beginning { exchange.cancel(ticket) }
    }
}

/// Detects a client that takes too long over one line. Between lines a client may pause, because a human may be typing.
/// Time during which the gateway itself does not read does not count.
final class StreamWatchdog: Sendable {
    private struct State {
        /// How long the current line has been waited for, in nanoseconds.
        var waited: UInt64 = 0
        var since: MonotonicTime?
        var isInsideLine = false
    }

    private let state = Mutex(State())
    private let limit: Duration

    init(limit: Duration) {
        self.limit = limit
    }

    /// Calls `onTimeout` and returns when a line takes longer than the limit. Also returns when the task is cancelled.
    func watch(onTimeout: () -> Void) async {
        let interval = max(limit / 4, .milliseconds(1))
        let limit = UInt64(clamping: limit.nanoseconds)
        while (try? await Task.sleep(for: interval)) != nil {
            if lineTime > limit { return onTimeout() }
        }
    }

    /// The gateway starts to wait for data from the client.
    func waitForClient(insideLine: Bool) {
        let now = MonotonicTime.now
        state.withLock { state in
            if !insideLine { state.waited = 0 }
            state.isInsideLine = insideLine
            state.since = now
        }
    }

    /// Data from the client has arrived.
    func clientSent() {
        let now = MonotonicTime.now
        state.withLock { state in
            if let since = state.since.take(), state.isInsideLine { state.waited += now.since(since) }
        }
    }

    private var lineTime: UInt64 {
        let now = MonotonicTime.now
        return state.withLock { state in
            guard state.isInsideLine else { return 0 }
            return state.waited + (state.since.map { now.since($0) } ?? 0)
        }
    }
}
