import HTTPServer
import NIOCore
import NIOHTTP1
import Platform
import Synchronization

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

/// Some consecutive lines of a stream, on their way.
struct StreamGroup: Sendable {
    /// One line: its id, and what is wrong with it, if it was not sent.
    struct Line: Sendable {
        let id: String
        let problem: GatewayError?
    }

    var lines: [Line] = []
    var sentences: [Sentence] = []
    /// What came of asking; set when the group is sent.
    var beginning: Result<Exchange.Beginning, GatewayError> = .success(
        .finished(CallResult(outcomes: [], sources: [])))

    var isEmpty: Bool { lines.isEmpty }

    mutating func add(_ asked: AskedSentence, number: Int) {
        let id = asked.id ?? String(number)
        switch asked.outcome {
        case .success(let sentence):
            lines.append(Line(id: id, problem: nil))
            sentences.append(sentence)
        case .failure(let error):
            lines.append(Line(id: id, problem: error))
        }
    }

    /// Waits for the answers and renders one line for each.
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
            output.writeResult(id: line.id, outcome)
            output.writeStaticString("\n")
        }
        return output
    }

    /// Gives up what was asked for.
    func cancel(in exchange: Exchange) {
        if case .success(.waiting(let ticket)) = beginning { exchange.cancel(ticket) }
    }
}

/// Notices when a stream's client takes too long over one line. Between lines a client may pause: a stream can be somebody
/// who types. The time that the gateway itself makes the client wait does not count.
final class StreamWatchdog: Sendable {
    /// Nanoseconds for which the current line has been waited for.
    private struct State {
        var waited: UInt64 = 0
        var since: MonotonicTime?
        var isInsideLine = false
    }

    private let state = Mutex(State())
    private let limit: Duration

    init(limit: Duration) {
        self.limit = limit
    }

    /// Calls `onTimeout` when a line takes longer than the limit; returns then, or when the task is cancelled.
    func watch(onTimeout: () -> Void) async {
        let interval = max(limit / 4, .milliseconds(1))
        let limit = UInt64(clamping: limit.nanoseconds)
        while (try? await Task.sleep(for: interval)) != nil {
            if lineTime > limit { return onTimeout() }
        }
    }

    /// The client is to send something now.
    func waitForClient(insideLine: Bool) {
        let now = MonotonicTime.now
        state.withLock { state in
            if !insideLine { state.waited = 0 }
            state.isInsideLine = insideLine
            state.since = now
        }
    }

    /// The client has sent something.
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
