import HTTPTypes
import Hummingbird

/// One sentence's answer and where it came from.
struct Answered {
    let answer: Answer
    let source: AnswerSource

    /// The header fields that say where the answer came from and where the time went.
    func headers(since start: MonotonicTime) -> HTTPFields {
        // What the worker took for an answer out of the cache was spent on somebody else's request.
        let worker = source == .hit ? nil : answer.timing
        return [
            .cache: source.rawValue,
            .serverTiming: ServerTiming.value(worker: worker, total: MonotonicTime.now.since(start)),
        ]
    }
}

extension GatewayCore {
    /// What a sentence must be.
    var rules: SentenceRules { SentenceRules(maximumBytes: configuration.maximumTextBytes) }

    /// Has one sentence classified, as the request's header fields want it.
    func classify(_ sentence: Sentence, for request: Request) async throws(GatewayError) -> Answered {
        let result = try await classify([sentence], for: request)
        return Answered(answer: try result.outcomes[0].get(), source: result.sources[0])
    }

    /// Has some sentences classified, as the request's header fields want it.
    func classify(_ sentences: [Sentence], for request: Request) async throws(GatewayError) -> CallResult {
        try await exchange.classify(
            sentences, deadline: try request.deadline(default: configuration.requestTimeout),
            usesCache: request.allowsCachedAnswer, trace: request.trace)
    }
}
