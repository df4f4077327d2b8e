import Platform
import Synchronization
import Telemetry

/// Sends sentences to the workers and returns the answers to their callers.
///
/// One lock guards all state. It is taken once per request (once more when the caller starts to wait) and once per
/// batch of replies. It is never held while sending or while resuming a caller.
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

    /// A call that has begun. The caller must end it by awaiting its result or cancelling it.
    package enum Beginning: Sendable {
        case finished(CallResult)
        case waiting(Ticket)
    }

    /// A handle to the result of one call.
    package struct Ticket: Sendable {
        let call: Call.Token
        let count: Int
    }

    /// Classifies sentences and waits for the answers.
    ///
    /// - Parameters:
    ///   - usesCache: false if the caller wants answers computed for this request.
    /// - Throws: if no sentence was accepted. The error of a single sentence is in its outcome.
    package func classify(
        _ sentences: [Sentence], deadline: Deadline, usesCache: Bool, trace: CallerTrace?
    ) async throws(GatewayError) -> CallResult {
        switch try begin(sentences, deadline: deadline, usesCache: usesCache, trace: trace) {
        case .finished(let result): return result
        case .waiting(let ticket): return await result(of: ticket)
        }
    }

    /// Starts to classify sentences and returns at once.
    ///
    /// - Parameter waiter: called once with the result of a waiting call, on any thread and possibly before this
    ///   returns. With a waiter, ``Exchange/result(of:)`` must not be used.
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

    /// Waits for the result of a call. Task cancellation also cancels the call and releases its sentences.
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

    /// Cancels a call, whether or not anyone waits for it.
    package func cancel(_ ticket: Ticket) {
        act { $0.cancel(ticket.call, &$1) }
    }

    /// Processes a batch of replies.
    package func receive(_ replies: [ReceivedReply]) {
        let now = MonotonicTime.now
        act { $0.receive(replies, now: now, &$1) }
    }

    /// Fails the records that could not be delivered.
    package func fail(_ failures: [(token: Flight.Token, error: GatewayError)]) {
        act { state, actions in
            for failure in failures { state.fail(failure.token, failure.error, &actions) }
        }
    }

    /// Times out the calls whose deadline has passed. Must be called periodically.
    package func expire() {
        let now = MonotonicTime.now
        act { $0.expire(now: now, &$1) }
    }

    /// Whether requests can be sent and answered.
    package var availability: ExchangeState.Availability {
        get { state.withLock { $0.availability } }
        set { state.withLock { $0.availability = newValue } }
    }

    /// The current model; nil before the first reply.
    package var model: ModelInformation? { state.withLock { $0.model.current } }

    /// A consistent snapshot of all counters and sizes.
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

/// The counters and sizes of an ``Exchange`` at one moment.
package struct ExchangeSnapshot: Sendable {
    package let counts: ExchangeCounts
    /// Sentences waiting for an answer.
    package let waiting: Int
    /// Records in flight.
    package let flights: Int
    /// Answers in the cache.
    package let cached: Int
    package let isAvailable: Bool
    package let isCongested: Bool
}
