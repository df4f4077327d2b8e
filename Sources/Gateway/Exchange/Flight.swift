import Platform

/// One record on its way to a worker and back, and everybody who waits for it.
package struct Flight: Sendable {
    package typealias Token = SlotTable<Flight>.Token

    /// One sentence of one call.
    struct Subscriber: Sendable {
        let call: Call.Token
        let index: Int
    }

    let correlationID: CorrelationID
    let sentence: Sentence
    /// Whether later calls with the same sentence may join, and the answer may be cached.
    let isShared: Bool
    let sent: MonotonicTime
    /// The deadline that the record carries: that of whoever asked first.
    let deadline: Deadline
    let trace: CallerTrace?
    var subscribers: [Subscriber]
}

/// One caller with one or more sentences.
package struct Call: Sendable {
    package typealias Token = SlotTable<Call>.Token

    /// Who is told the result.
    package enum Waiter: Sendable {
        case task(CheckedContinuation<CallResult, Never>)
        case callback(@Sendable (CallResult) -> Void)

        func resume(with result: CallResult) {
            switch self {
            case .task(let continuation): continuation.resume(returning: result)
            case .callback(let callback): callback(result)
            }
        }
    }

    var outcomes: [Outcome?]
    var sources: [AnswerSource]
    /// How many outcomes are still missing.
    var remaining: Int
    let deadline: Deadline
    /// The records that it waits for.
    var flights: [Flight.Token]
    /// Nil until somebody waits.
    var waiter: Waiter?

    /// The result, with `error` in the place of what is missing.
    consuming func result(missing error: GatewayError) -> CallResult {
        CallResult(outcomes: outcomes.map { $0 ?? .failure(error) }, sources: sources)
    }
}
