import HTTPTypes
import Messages

extension CallResult {
    /// The header fields that say where the answer to a single sentence came from and where the time went.
    func headers(since start: MonotonicTime) -> HTTPFields {
        // What the worker took for an answer out of the cache was spent on somebody else's request.
        [
            .cache: sources[0].rawValue,
            .serverTiming: ServerTiming.value(worker: workerTiming, total: MonotonicTime.now.since(start)),
        ]
    }
}

extension GatewayCore {
    /// What a sentence must be.
    var rules: SentenceRules { SentenceRules(maximumBytes: configuration.maximumTextBytes) }

    /// Has some sentences classified, as the request's header fields want it.
    func classify(_ sentences: [Sentence], for request: HTTPRequest) async throws(GatewayError) -> CallResult {
        switch try begin(sentences, for: request) {
        case .finished(let result): return result
        case .waiting(let ticket): return await exchange.result(of: ticket)
        }
    }

    /// Begins to have some sentences classified, as the request's header fields want it.
    ///
    /// - Parameter waiter: told the result if it is not there at once. It is called on any thread.
    func begin(
        _ sentences: [Sentence], for request: HTTPRequest, waiter: (@Sendable (CallResult) -> Void)? = nil
    ) throws(GatewayError) -> Exchange.Beginning {
        try exchange.begin(
            sentences, deadline: try request.deadline(default: configuration.requestTimeout),
            usesCache: request.allowsCachedAnswer, trace: request.trace, waiter: waiter)
    }
}
