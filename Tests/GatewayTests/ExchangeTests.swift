import Gateway
import GatewayTestSupport
import Telemetry
import Testing

@Suite("Exchange")
struct ExchangeTests {
    private func deadline(in duration: Duration = .seconds(60)) -> Deadline { Deadline(in: duration) }

    private func begin(
        _ gateway: TestGateway, _ texts: [String], usesCache: Bool = true, in duration: Duration = .seconds(60)
    ) throws -> Task<CallResult, Never> {
        let beginning = try gateway.exchange.begin(
            texts.map { Sentence($0) }, deadline: deadline(in: duration), usesCache: usesCache, trace: nil)
        return Task {
            switch beginning {
            case .finished(let result): result
            case .waiting(let ticket): await gateway.exchange.result(of: ticket)
            }
        }
    }

    @Test("gives each caller its own answer") func givesEachCallerItsOwnAnswer() async throws {
        let gateway = TestGateway(workers: InMemoryWorkers(answer: nil))
        let first = try begin(gateway, ["a", "b"])
        let second = try begin(gateway, ["c"])
        let requests = gateway.workers.requests
        #expect(requests.map(\.sentence) == [Sentence("a"), Sentence("b"), Sentence("c")])
        #expect(Set(requests.map(\.correlationID)).count == 3)
        gateway.exchange.receive([.classification(of: requests[2])])
        #expect(try await second.value.outcomes[0].get().timing != nil)
        gateway.exchange.receive([.failure(of: requests[1], .classifierFailed), .classification(of: requests[0])])
        let outcomes = await first.value.outcomes
        #expect(throws: Never.self) { try outcomes[0].get() }
        #expect(throws: GatewayError(.classifierFailed, "as the test wants it")) { try outcomes[1].get() }
        #expect(gateway.exchange.snapshot.waiting == 0)
        #expect(gateway.exchange.snapshot.flights == 0)
    }

    @Test("answers from the cache") func answersFromTheCache() async throws {
        let gateway = TestGateway()
        #expect(try await begin(gateway, ["a"]).value.sources == [.miss])
        #expect(try await begin(gateway, ["a", "b"]).value.sources == [.hit, .miss])
        #expect(try await begin(gateway, ["a"], usesCache: false).value.sources == [.miss])
        #expect(gateway.workers.requests.count == 3)
        #expect(gateway.exchange.snapshot.counts.hits == 1)
        #expect(gateway.exchange.snapshot.counts.misses == 3)
    }

    @Test("joins requests for the same sentence") func joinsRequestsForTheSameSentence() async throws {
        let gateway = TestGateway(workers: InMemoryWorkers(answer: nil))
        let first = try begin(gateway, ["a"])
        let second = try begin(gateway, ["a", "a"])
        #expect(gateway.workers.requests.count == 1)
        gateway.exchange.receive([.classification(of: gateway.workers.requests[0])])
        #expect(await first.value.sources == [.miss])
        let joined = await second.value
        #expect(joined.sources == [.coalesced, .coalesced])
        #expect(joined.outcomes.allSatisfy { (try? $0.get()) != nil })
        #expect(gateway.exchange.snapshot.waiting == 0)
    }

    @Test("joins nothing without a cache") func joinsNothingWithoutACache() throws {
        let gateway = TestGateway(workers: InMemoryWorkers(answer: nil)) { $0.cacheSize = 0 }
        _ = try begin(gateway, ["a"])
        _ = try begin(gateway, ["a"])
        #expect(gateway.workers.requests.count == 2)
    }

    @Test("drops replies that nobody waits for") func dropsRepliesThatNobodyWaitsFor() async throws {
        let gateway = TestGateway(workers: InMemoryWorkers(answer: nil))
        let call = try begin(gateway, ["a"])
        let request = gateway.workers.requests[0]
        gateway.exchange.receive([.classification(of: request), .failure(of: request, .classifierFailed)])
        await #expect(throws: Never.self) { try await call.value.outcomes[0].get() }
        #expect(gateway.exchange.snapshot.counts.unknownReplies == 1)
    }

    @Test("ends calls at their deadline") func endsCallsAtTheirDeadline() async throws {
        let gateway = TestGateway(workers: InMemoryWorkers(answer: nil))
        let late = try begin(gateway, ["a", "b"], in: .zero)
        let early = try begin(gateway, ["c"])
        gateway.exchange.receive([.classification(of: gateway.workers.requests[0])])
        gateway.exchange.expire()
        let outcomes = await late.value.outcomes
        #expect(throws: Never.self) { try outcomes[0].get() }
        #expect(throws: GatewayError.self) { try outcomes[1].get() }
        #expect(gateway.exchange.snapshot.waiting == 1, "the other call waits on")
        gateway.exchange.receive([.classification(of: gateway.workers.requests[2])])
        await #expect(throws: Never.self) { try await early.value.outcomes[0].get() }
    }

    @Test("frees the places of a caller that is gone") func freesThePlacesOfACallerThatIsGone() async throws {
        let gateway = TestGateway(workers: InMemoryWorkers(answer: nil))
        let call = try begin(gateway, ["a", "b"])
        #expect(gateway.exchange.snapshot.waiting == 2)
        call.cancel()
        let outcomes = await call.value.outcomes
        #expect(outcomes.count == 2)
        #expect(gateway.exchange.snapshot.waiting == 0)
        #expect(gateway.exchange.snapshot.flights == 0)
        #expect(gateway.exchange.snapshot.counts.cancelled == 1)
    }

    @Test("keeps a record that others wait for") func keepsARecordThatOthersWaitFor() async throws {
        let gateway = TestGateway(workers: InMemoryWorkers(answer: nil))
        let gone = try begin(gateway, ["a"])
        let staying = try begin(gateway, ["a"])
        gone.cancel()
        _ = await gone.value
        #expect(gateway.exchange.snapshot.flights == 1)
        gateway.exchange.receive([.classification(of: gateway.workers.requests[0])])
        await #expect(throws: Never.self) { try await staying.value.outcomes[0].get() }
    }

    @Test("asks again for those who have time left") func asksAgainForThoseWhoHaveTimeLeft() async throws {
        let gateway = TestGateway(workers: InMemoryWorkers(answer: nil))
        let hasty = try begin(gateway, ["a"], in: .milliseconds(500))
        let patient = try begin(gateway, ["a"], in: .seconds(60))
        gateway.exchange.receive([.failure(of: gateway.workers.requests[0], .deadlineExceeded)])
        let requests = gateway.workers.requests
        #expect(requests.count == 2)
        #expect(requests[1].deadline > requests[0].deadline)
        #expect(requests[1].correlationID != requests[0].correlationID)
        gateway.exchange.receive([.classification(of: requests[1])])
        await #expect(throws: Never.self) { try await patient.value.outcomes[0].get() }
        await #expect(throws: Never.self) { try await hasty.value.outcomes[0].get() }
        #expect(gateway.exchange.snapshot.waiting == 0)
    }

    /// A caller may be gone by the time that a worker finds its deadline passed, late or by itself.
    @Test("asks again though the hasty caller is gone", arguments: [true, false], [true, false])
    func asksAgainThoughTheHastyCallerIsGone(isLate: Bool, waits: Bool) async throws {
        let gateway = TestGateway(workers: InMemoryWorkers(answer: nil))
        let waiter: @Sendable (CallResult) -> Void = { _ in }
        let beginning = try gateway.exchange.begin(
            [Sentence("a")], deadline: deadline(in: isLate ? .zero : .seconds(30)), usesCache: true, trace: nil,
            waiter: waits ? waiter : nil)
        guard case .waiting(let ticket) = beginning else {
            Issue.record("nothing was sent")
            return
        }
        let patient = try begin(gateway, ["a"])
        #expect(gateway.workers.requests.count == 1)
        if isLate { gateway.exchange.expire() } else { gateway.exchange.cancel(ticket) }
        gateway.exchange.receive([.failure(of: gateway.workers.requests[0], .deadlineExceeded)])
        let requests = gateway.workers.requests
        try #require(requests.count == 2)
        #expect(requests[1].deadline > requests[0].deadline)
        gateway.exchange.receive([.classification(of: requests[1])])
        await #expect(throws: Never.self) { try await patient.value.outcomes[0].get() }
    }

    /// A worker whose clock is ahead finds every deadline passed; each record sent again has more time than the last.
    @Test("asks again only for more time") func asksAgainOnlyForMoreTime() async throws {
        let gateway = TestGateway(workers: InMemoryWorkers { .failure(of: $0, .deadlineExceeded) })
        let lone = try begin(gateway, ["a"])
        await #expect(throws: GatewayError(.deadlineExceeded, "as the test wants it")) {
            try await lone.value.outcomes[0].get()
        }
        #expect(gateway.workers.requests.count == 1)

        gateway.workers.answer(by: nil)
        let first = try begin(gateway, ["b"], in: .seconds(30))
        let second = try begin(gateway, ["b"], in: .seconds(60))
        gateway.workers.answer { .failure(of: $0, .deadlineExceeded) }
        gateway.exchange.receive([.failure(of: gateway.workers.requests[1], .deadlineExceeded)])
        for call in [first, second] {
            await #expect(throws: GatewayError(.deadlineExceeded, "as the test wants it")) {
                try await call.value.outcomes[0].get()
            }
        }
        #expect(gateway.workers.requests.count == 3)
        #expect(gateway.exchange.snapshot.waiting == 0)
        #expect(gateway.exchange.snapshot.flights == 0)
    }

    @Test("refuses when full") func refusesWhenFull() throws {
        let gateway = TestGateway(workers: InMemoryWorkers(answer: nil)) { $0.maximumWaitingSentences = 3 }
        _ = try begin(gateway, ["a", "b"])
        #expect(throws: GatewayError.self) { try begin(gateway, ["c", "d"]) }
        _ = try begin(gateway, ["c"])
        #expect(gateway.exchange.snapshot.counts.refused == 2)
        #expect(gateway.workers.requests.count == 3)
    }

    @Test("refuses everything without a broker") func refusesEverythingWithoutABroker() throws {
        let gateway = TestGateway()
        gateway.exchange.availability = .unavailable("for the test")
        #expect(throws: GatewayError(.unavailable, "for the test")) { try begin(gateway, ["a"]) }
        gateway.exchange.availability = .available
        _ = try begin(gateway, ["a"])
    }

    @Test("fails what cannot be sent") func failsWhatCannotBeSent() async throws {
        let gateway = TestGateway()
        gateway.workers.refuse(with: GatewayError(.unavailable, "no broker"))
        let outcomes = try await begin(gateway, ["a", "b"]).value.outcomes
        for outcome in outcomes {
            #expect(throws: GatewayError(.unavailable, "no broker")) { try outcome.get() }
        }
        #expect(gateway.exchange.snapshot.waiting == 0)
        #expect(gateway.exchange.snapshot.counts.undelivered == 2)
    }

    @Test("fails what is not delivered") func failsWhatIsNotDelivered() async throws {
        let gateway = TestGateway(workers: InMemoryWorkers(answer: nil))
        let call = try begin(gateway, ["a"])
        gateway.exchange.fail([(gateway.workers.requests[0].token, GatewayError(.unavailable, "lost"))])
        await #expect(throws: GatewayError(.unavailable, "lost")) { try await call.value.outcomes[0].get() }
    }

    @Test("empties the cache when the model changes") func emptiesTheCacheWhenTheModelChanges() async throws {
        let gateway = TestGateway()
        _ = try await begin(gateway, ["a", "b"]).value
        #expect(gateway.exchange.snapshot.cached == 2)
        let next = ModelInformation(identifier: "intents@ffffffffffff", labels: ["x"])
        gateway.workers.answer { .classification(of: $0, model: next) }
        _ = try await begin(gateway, ["c"]).value
        #expect(gateway.exchange.model == next)
        #expect(gateway.exchange.snapshot.cached == 1)
        gateway.workers.answer { .classification(of: $0) }
        #expect(try await begin(gateway, ["a"]).value.sources == [.miss])
        #expect(gateway.exchange.snapshot.cached == 1, "an answer of the model before is not kept")
    }

    /// Many callers with random fates: in the end nothing is left over.
    @Test("leaves nothing behind") func leavesNothingBehind() async throws {
        let gateway = TestGateway(workers: InMemoryWorkers(answer: nil)) { $0.cacheSize = 4 }
        var random = SplitMix(state: 7)
        var calls: [Task<CallResult, Never>] = []
        var answered = 0
        for _ in 0..<2_000 {
            let texts = (0...Int(random.next() % 3)).map { _ in "\(random.next() % 10)" }
            if let call = try? begin(gateway, texts, in: .milliseconds(Int64(random.next() % 4) * 20_000)) {
                calls.append(call)
            }
            switch random.next() % 4 {
            case 0: calls.randomElement(using: &random)?.cancel()
            case 1: gateway.exchange.expire()
            default:
                let requests = gateway.workers.requests
                let upTo = min(requests.count, answered + Int(random.next() % 4))
                gateway.exchange.receive(requests[answered..<upTo].map { .classification(of: $0) })
                answered = upTo
            }
        }
        let end = GatewayError(.unavailable, "the end")
        gateway.exchange.fail(gateway.workers.requests.map { ($0.token, end) })
        for call in calls { _ = await call.value }
        let snapshot = gateway.exchange.snapshot
        #expect(snapshot.waiting == 0)
        #expect(snapshot.flights == 0)
    }
}
