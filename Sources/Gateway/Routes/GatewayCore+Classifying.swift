import HTTPServer
import Messages
import Platform

extension CallResult {
    /// The header fields that say where the answer to a single sentence came from and where the time went.
    func headers(since start: MonotonicTime) -> [(name: String, value: String)] {
        // What the worker took for an answer out of the cache was spent on somebody else's request.
        [
            ("X-Cache", sources[0].rawValue),
            ("Server-Timing", ServerTiming.value(worker: workerTiming, total: MonotonicTime.now.since(start))),
        ]
    }
}

extension GatewayCore {
    /// What a sentence must be.
    var rules: SentenceRules { SentenceRules(maximumBytes: configuration.maximumTextBytes) }

    /// Begins to have some sentences classified, as the request's header fields want it.
    ///
    /// - Parameter waiter: told the result if it is not there at once. It is called on any thread.
    func begin(
        _ sentences: [Sentence], for request: Request, waiter: (@Sendable (CallResult) -> Void)? = nil
    ) throws(GatewayError) -> Exchange.Beginning {
        try exchange.begin(
            sentences, deadline: try request.deadline(default: configuration.requestTimeout),
            usesCache: request.allowsCachedAnswer, trace: request.trace, waiter: waiter)
    }
}
