import Platform
import Synchronization
import Telemetry

/// Sends sentences to workers and gives each caller its answers.
///
/// One lock guards all of its state. It is taken once for a request (and once more when the caller starts to wait) and
/// once for a whole batch of replies, and is never held while anything is sent or anybody is woken.
package final class Exchange: Sendable {
    private let state: Mutex<ExchangeState>
    private let transport: any RequestTransport
    private let metrics: GatewayMetrics

    package init(transport: any RequestTransport, admission: Admission, cache: ResultCache, metrics: GatewayMetrics) {
        self.transport = transport
        self.metrics = metrics
        self.state = Mutex(ExchangeState(admission: admission, cache: cache))
        metrics.watch(self)
    }

    /// A call that was begun and must be ended, by waiting for its result or by giving it up.
    package enum Beginning: Sendable {
        case finished(CallResult)
        case waiting(Ticket)
    }

    /// The right to one call's result.
    package struct Ticket: Sendable {
        let call: Call.Token
        let count: Int
    }

    /// Asks for the answers to some sentences and waits for them.
    ///
    /// - Parameters:
    ///   - usesCache: false when the caller wants answers made for this request alone.
    /// - Throws: when none of the sentences was accepted; what happens to a single sentence is its outcome.
    package func classify(
        _ sentences: [Sentence], deadline: Deadline, usesCache: Bool, trace: CallerTrace?
    ) async throws(GatewayError) -> CallResult {
        switch try begin(sentences, deadline: deadline, usesCache: usesCache, trace: trace) {
        case .finished(let result): return result
        case .waiting(let ticket): return await result(of: ticket)
        }
    }

    /// Asks for the answers to some sentences and returns at once.
    ///
    /// - Parameter waiter: told the result of a call that waits, once, on any thread and perhaps before this returns.
    ///   With it, nobody else may wait for the call.
    package func begin(
        _ sentences: [Sentence], deadline: Deadline, usesCache: Bool, trace: CallerTrace?,
        waiter: (@Sendable (CallResult) -> Void)? = nil
    ) throws(GatewayError) -> Beginning {
        let now = MonotonicTime.now
        let beginning = state.withLock {
            $0.begin(
                sentences, deadline: deadline, usesCache: usesCache, trace: trace,
                waiter: waiter.map(Call.Waiter.callback), now: now)
        }
        switch beginning {
        case .finished(let result):
            return .finished(result)
        case .refused(let error):
            throw error
        case .waiting(let call, let requests):
            send(requests)
            return .waiting(Ticket(call: call, count: sentences.count))
        }
    }

    /// Waits for a call that was begun. When the task is cancelled, the call is given up and its places are free at once.
    package func result(of ticket: Ticket) async -> CallResult {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result = state.withLock { $0.await(ticket.call, count: ticket.count, .task(continuation)) }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            cancel(ticket)
        }
    }

    /// Gives up a call, waited for or not.
    package func cancel(_ ticket: Ticket) {
        act { $0.cancel(ticket.call, &$1) }
    }

    /// Takes a batch of replies.
    package func receive(_ replies: [ReceivedReply]) {
        let now = MonotonicTime.now
        act { $0.receive(replies, now: now, &$1) }
    }

    /// Takes the news that records will not arrive.
    package func fail(_ failures: [(token: Flight.Token, error: GatewayError)]) {
        act { state, actions in
            for failure in failures { state.fail(failure.token, failure.error, &actions) }
        }
    }

    /// Ends the calls whose deadline has passed. To be called again and again.
    package func expire() {
        let now = MonotonicTime.now
        act { $0.expire(now: now, &$1) }
    }

    /// Whether requests can be sent and answered.
    package var availability: ExchangeState.Availability {
        get { state.withLock { $0.availability } }
        set { state.withLock { $0.availability = newValue } }
    }

    /// The model that answers; nil before the first reply.
    package var model: ModelInformation? { state.withLock { $0.model.current } }

    /// A look at all the counts and sizes at one moment.
    package var snapshot: ExchangeSnapshot {
        let now = MonotonicTime.now
        return state.withLock {
            ExchangeSnapshot(
                counts: $0.counts, waiting: $0.admission.waiting, flights: $0.flightCount, cached: $0.cache.count,
                isAvailable: $0.availability == .available, isCongested: $0.admission.isCongested(at: now))
        }
    }

    private func act(_ decide: (inout ExchangeState, inout ExchangeState.Actions) -> Void) {
        var actions = ExchangeState.Actions()
        state.withLock { decide(&$0, &actions) }
        for (waiter, result) in actions.completed { waiter.resume(with: result) }
        for latency in actions.latencies { metrics.replyLatency.observe(Double(latency) / 1e9) }
        send(actions.requests)
    }

    private func send(_ requests: [OutgoingRequest]) {
        if requests.isEmpty { return }
        let failures = transport.send(requests)
        if !failures.isEmpty { fail(failures) }
    }
}

/// What an ``Exchange`` holds at one moment.
package struct ExchangeSnapshot: Sendable {
    package let counts: ExchangeCounts
    /// Sentences that wait for an answer.
    package let waiting: Int
    /// Records under way.
    package let flights: Int
    /// Answers in the cache.
    package let cached: Int
    package let isAvailable: Bool
    package let isCongested: Bool
}
