package import Platform

/// The state of all sentences in flight. A pure state machine without side effects: ``Exchange`` calls it under a lock
/// and performs the returned actions after releasing the lock.
package struct ExchangeState: Sendable {
    /// Whether requests can be sent and their replies received.
    package enum Availability: Equatable, Sendable {
        case available
        /// Not yet or no longer available, with a human-readable reason.
        case unavailable(String)
    }

    /// The result of starting a call.
    package enum Beginning: Sendable {
        /// All answers came from the cache.
        case finished(CallResult)
        /// The call waits, and these records must be sent for it.
        case waiting(Call.Token, [OutgoingRequest])
        case refused(GatewayError)
    }

    /// What to do after the lock is released.
    package struct Actions: Sendable {
        var completed: [(waiter: Call.Waiter, result: CallResult)] = []
        var requests: [OutgoingRequest] = []
        /// The latency of each reply, in nanoseconds.
        var latencies: [UInt64] = []

        package init() {}
    }

    package var availability = Availability.unavailable("the gateway is starting")
    package private(set) var counts = ExchangeCounts()
    package private(set) var model = ModelTracker()
    var admission: Admission
    var cache: ResultCache
    private var random = SystemRandomNumberGenerator()
    private var calls = SlotTable<Call>()
    private var flights = SlotTable<Flight>()
    private var flightsByID: [CorrelationID: Flight.Token] = [:]
    private var flightsBySentence: [Sentence: Flight.Token] = [:]
    /// A lower bound of all deadlines, so that nothing has to be checked before it.
    private var earliestDeadline = MonotonicTime.distantFuture

    package init(admission: Admission, cache: ResultCache) {
        self.admission = admission
        self.cache = cache
    }

    /// The number of records in flight.
    package var flightCount: Int { flights.count }

    // MARK: Starting calls

    package mutating func begin(
        _ sentences: [Sentence], deadline: Deadline, usesCache: Bool, trace: CallerTrace?, waiter: Call.Waiter? = nil,
        now: MonotonicTime
    ) -> Beginning {
        if case .unavailable(let reason) = availability {
            return .refused(GatewayError(.unavailable, reason))
        }
        let isShared = usesCache && cache.capacity > 0
        var outcomes: [Outcome?] = []
        outcomes.reserveCapacity(sentences.count)
        var missing = 0
        for sentence in sentences {
            if isShared, let answer = cache.answer(to: sentence, now: now) {
                outcomes.append(.success(answer))
            } else {
                outcomes.append(nil)
                missing += 1
            }
        }
        if missing > 0, !admission.admit(missing, now: now) {
            counts.refused += missing
            return .refused(admission.refusal(at: now))
        }
        counts.hits += sentences.count - missing
        var sources = Array(repeating: AnswerSource.hit, count: sentences.count)
        if missing == 0 {
            return .finished(CallResult(outcomes: outcomes.compactMap(\.self), sources: sources))
        }
        let call = calls.insert(
            Call(outcomes: [], sources: [], remaining: missing, deadline: deadline, flights: [], waiter: waiter))
        earliestDeadline = min(earliestDeadline, deadline.moment)
        var flown: [Flight.Token] = []
        flown.reserveCapacity(missing)
        var requests: [OutgoingRequest] = []
        requests.reserveCapacity(missing)
        for (index, sentence) in sentences.enumerated() where outcomes[index] == nil {
            let subscriber = Flight.Subscriber(call: call, index: index)
            if isShared, let token = flightsBySentence[sentence] {
                flights.update(token) { $0.subscribers.append(subscriber) }
                flown.append(token)
                sources[index] = .coalesced
                counts.coalesced += 1
            } else {
                let request = fly(sentence, for: [subscriber], isShared: isShared, deadline, trace, now: now)
                flown.append(request.token)
                requests.append(request)
                sources[index] = .miss
                counts.misses += 1
            }
        }
        calls.update(call) {
            $0.outcomes = outcomes
            $0.sources = sources
            $0.flights = flown
        }
        return .waiting(call, requests)
    }

    private mutating func fly(
        _ sentence: Sentence, for subscribers: [Flight.Subscriber], isShared: Bool, _ deadline: Deadline,
        _ trace: CallerTrace?, now: MonotonicTime
    ) -> OutgoingRequest {
        let id = CorrelationID(using: &random)
        let token = flights.insert(
            Flight(
                correlationID: id, sentence: sentence, isShared: isShared, sent: now, deadline: deadline, trace: trace,
                subscribers: subscribers))
        flightsByID[id] = token
        if isShared { flightsBySentence[sentence] = token }
        return OutgoingRequest(
            token: token, correlationID: id, sentence: sentence, deadline: deadline.unixMilliseconds, trace: trace)
    }

    // MARK: Waiting

    /// Returns the result of a finished call, or keeps the waiter until the call finishes. For a cancelled call,
    /// returns `count` outcomes that say so.
    package mutating func await(
        _ token: Call.Token, count: Int, _ waiter: Call.Waiter
    ) -> CallResult? {
        guard let remaining = calls.update(token, { $0.remaining }) else {
            return CallResult(
                outcomes: Array(repeating: .failure(.cancelled), count: count),
                sources: Array(repeating: .miss, count: count))
        }
        if remaining == 0 {
            return calls.remove(token)?.result(missing: .cancelled)
        }
        calls.update(token) { $0.waiter = waiter }
        return nil
    }

    /// The caller is gone: releases everything held for it.
    package mutating func cancel(_ token: Call.Token, _ actions: inout Actions) {
        if abandon(token, .cancelled, &actions) { counts.cancelled += 1 }
        calls.remove(token)
    }

    /// Times out every call whose deadline has passed.
    package mutating func expire(now: MonotonicTime, _ actions: inout Actions) {
        guard now >= earliestDeadline else { return }
        var expired: [Call.Token] = []
        var earliest = MonotonicTime.distantFuture
        calls.forEach { token, call in
            if call.remaining == 0 { return }
            if call.deadline.moment <= now {
                expired.append(token)
            } else {
                earliest = min(earliest, call.deadline.moment)
            }
        }
        earliestDeadline = earliest
        for token in expired where abandon(token, .timedOut, &actions) { counts.expired += 1 }
    }

    /// Ends a call early: missing outcomes fail with `error`, and records without another subscriber are dropped.
    private mutating func abandon(_ token: Call.Token, _ error: GatewayError, _ actions: inout Actions) -> Bool {
        guard let call = calls[token], call.remaining > 0 else { return false }
        admission.release(call.remaining)
        for flight in call.flights {
            let isDeserted = flights.update(flight) { flight in
                flight.subscribers.removeAll { $0.call == token }
                return flight.subscribers.isEmpty
            }
            if isDeserted == true { remove(flight) }
        }
        if let waiter = call.waiter {
            calls.remove(token)
            actions.completed.append((waiter, call.result(missing: error)))
        } else {
            calls.update(token) { call in
                for index in call.outcomes.indices where call.outcomes[index] == nil {
                    call.outcomes[index] = .failure(error)
                }
                call.remaining = 0
                call.flights = []
            }
        }
        return true
    }

    // MARK: Replies

    package mutating func receive(_ replies: [ReceivedReply], now: MonotonicTime, _ actions: inout Actions) {
        for reply in replies {
            guard let token = flightsByID[reply.correlationID], let flight = remove(token) else {
                counts.unknownReplies += 1
                continue
            }
            let latency = now.since(flight.sent)
            admission.observe(latency: latency, now: now)
            actions.latencies.append(latency)
            switch reply.outcome {
            case .success(let answer):
                var isCurrent = true
                if let model = reply.model {
                    switch self.model.observe(model, now: now) {
                    case .current: break
                    case .changed: cache.removeAll()
                    case .superseded: isCurrent = false
                    }
                }
                if flight.isShared, isCurrent { cache.insert(answer, for: flight.sentence, now: now) }
                deliver(reply.outcome, to: flight, &actions)
            case .failure(let error):
                // The record carried the first caller's deadline. Callers that joined later may have time left.
                let waiting = error.code == .deadlineExceeded ? stillWaiting(for: flight, now: now) : nil
                if let deadline = waiting {
                    let request = fly(
                        flight.sentence, for: flight.subscribers, isShared: flight.isShared, deadline, flight.trace,
                        now: now)
                    for subscriber in flight.subscribers {
                        calls.update(subscriber.call) { $0.flights.append(request.token) }
                    }
                    actions.requests.append(request)
                } else {
                    deliver(reply.outcome, to: flight, &actions)
                }
            }
        }
    }

    /// Fails a record that could not be sent or delivered.
    package mutating func fail(_ token: Flight.Token, _ error: GatewayError, _ actions: inout Actions) {
        guard let flight = remove(token) else { return }
        counts.undelivered += 1
        deliver(.failure(error), to: flight, &actions)
    }

    /// The latest deadline of the record's remaining subscribers, if it has not passed and is later than the record's
    /// own deadline. The caller with the record's deadline may be gone. Each resend therefore gets a later deadline.
    private func stillWaiting(for flight: Flight, now: MonotonicTime) -> Deadline? {
        let deadlines = flight.subscribers.compactMap { calls[$0.call]?.deadline }
        guard let latest = deadlines.max(by: { $0.moment < $1.moment }) else { return nil }
        return latest.moment > max(flight.deadline.moment, now) ? latest : nil
    }

    @discardableResult
    private mutating func remove(_ token: Flight.Token) -> Flight? {
        guard let flight = flights.remove(token) else { return nil }
        flightsByID.removeValue(forKey: flight.correlationID)
        if flight.isShared, flightsBySentence[flight.sentence] == token {
            flightsBySentence.removeValue(forKey: flight.sentence)
        }
        return flight
    }

    private mutating func deliver(_ outcome: Outcome, to flight: Flight, _ actions: inout Actions) {
        for subscriber in flight.subscribers {
            let isComplete = calls.update(subscriber.call) { call in
                call.outcomes[subscriber.index] = outcome
                call.remaining -= 1
                return call.remaining == 0 && call.waiter != nil
            }
            guard let isComplete else { continue }
            admission.release(1)
            if isComplete, let call = calls.remove(subscriber.call), let waiter = call.waiter {
                actions.completed.append((waiter, call.result(missing: .cancelled)))
            }
        }
    }
}

extension Admission {
    func refusal(at now: MonotonicTime) -> GatewayError {
        GatewayError(
            .overloaded,
            isCongested(at: now)
                ? "the workers have fallen behind" : "\(waiting) of at most \(limit) sentences are waiting")
    }
}

extension GatewayError {
    static let cancelled = GatewayError(.cancelled, "the caller is gone")
    static let timedOut = GatewayError(.deadlineExceeded, "no reply came before the deadline")
}

/// Counters since the start, in sentences unless stated otherwise. The metrics are read from them.
package struct ExchangeCounts: Hashable, Sendable {
    /// Answered from the cache.
    package var hits = 0
    /// Sent to a worker.
    package var misses = 0
    /// Joined to a record that was already in flight.
    package var coalesced = 0
    /// Refused by admission control.
    package var refused = 0
    /// Calls (not sentences) that timed out.
    package var expired = 0
    /// Calls (not sentences) whose caller disconnected.
    package var cancelled = 0
    /// Records that could not be sent or delivered.
    package var undelivered = 0
    /// Replies without a waiting caller: late ones, duplicates, and those for another gateway on the same partition.
    package var unknownReplies = 0
}

/// A reply received from the queue.
package struct ReceivedReply: Sendable {
    package let correlationID: CorrelationID
    package let outcome: Outcome
    /// The model that answered; nil for a failure.
    package let model: ModelInformation?

    package init(correlationID: CorrelationID, outcome: Outcome, model: ModelInformation?) {
        self.correlationID = correlationID
        self.outcome = outcome
        self.model = model
    }
}
