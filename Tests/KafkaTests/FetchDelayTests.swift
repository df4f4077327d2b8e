import Kafka
import TestSupport
import Testing

@Suite("How late brokers are")
struct FetchDelayTests {
    @Test("what a fetch takes beyond its wait and the tolerance is late, and is told once")
    func counting() {
        let delays = FetchDelays(waitMilliseconds: 10, tolerance: .milliseconds(5))
        #expect(delays.take().lateFraction == 0)
        for time in [1_000, 10_000, 15_000] { delays.record(microseconds: Int64(time)) }
        #expect(delays.take() == FetchDelays.Reading(total: .milliseconds(26), late: .zero))
        delays.record(microseconds: 10_000)
        delays.record(microseconds: 110_000)
        delays.record(microseconds: 280_000)
        let reading = delays.take()
        #expect(reading == FetchDelays.Reading(total: .milliseconds(400), late: .milliseconds(370)))
        #expect(reading.lateFraction == 0.925)
        #expect(delays.take().total == .zero)
    }

    @Test("a broker that is far is not late, until it takes longer than before; a way that stays longer is learnt")
    func farBroker() {
        let delays = FetchDelays(waitMilliseconds: 10, tolerance: .milliseconds(1))
        for time in [40_000, 40_500, 3_000, 40_900] { delays.record(microseconds: Int64(time)) }
        #expect(delays.take().late == .zero)
        delays.record(microseconds: 44_020)
        #expect(delays.take().late == .milliseconds(4))
        for _ in 0..<200 {
            delays.record(microseconds: 44_020)
            _ = delays.take()
        }
        delays.record(microseconds: 44_020)
        #expect(delays.take().late == .zero)
    }

    @Test("a consumer measures its own broker, and a slow one is late")
    func slowBroker() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("t")
        try await onOwnThread {
            let clients = Clients(cluster)
            #expect(try clients.consumer(group: "h").fetchDelays == nil)
            let consumer = try clients.consumer(group: "g", fetchTolerance: .milliseconds(100))
            let delays = try #require(consumer.fetchDelays)
            try clients.send(["1"], to: "t")
            try consumer.subscribe(to: ["t"])
            _ = try consumer.receive(1)
            // At least one fetch has to be answered in time, to tell what is usual.
            let start = ContinuousClock.now
            while ContinuousClock.now - start < .milliseconds(600) {
                _ = try consumer.receive(maximum: 1, waiting: .milliseconds(50))
            }
            // Every answer is held back for longer than the wait and the tolerance.
            cluster.setRoundTripTime(.milliseconds(300))
            var late = Duration.zero
            let deadline = ContinuousClock.now + .seconds(20)
            while late < .milliseconds(500), ContinuousClock.now < deadline {
                _ = try consumer.receive(maximum: 1, waiting: .milliseconds(50))
                late += delays.take().late
            }
            #expect(late >= .milliseconds(500))
            cluster.setRoundTripTime(.zero)
            consumer.close()
        }
    }
}
