import Kafka
import Synchronization
import TestSupport
import Testing

@Suite("Whether brokers answer", .timeLimit(.minutes(2)))
struct BrokerWatchTests {
    private let cluster: MockCluster

    init() throws {
        cluster = try MockCluster()
        try cluster.createTopic("t")
    }

    /// Runs a watch beside `body`, which is given what it has said so far.
    private func run(
        _ partition: TopicPartition?, bound: Duration,
        _ body: (_ said: () -> [String?], BrokerWatch) async throws -> Void
    ) async throws {
        let admin = try AdminClient(
            properties: ["bootstrap.servers": cluster.bootstrapServers], log: KafkaLog(logger: RecordedLog().logger))
        let watch = try BrokerWatch(admin, bound: bound)
        if let partition { watch.watch(partition) }
        let said = Said()
        async let end: Void = onOwnThread { watch.run { problem in said.problems.withLock { $0.append(problem) } } }
        do {
            try await body({ said.problems.withLock { $0 } }, watch)
        } catch {
            watch.stop()
            throw error
        }
        watch.stop()
        try await end
    }

    private final class Said: Sendable { let problems = Mutex<[String?]>([]) }

    @Test("a broker that falls silent is told of, and that it is back: any, or the leader of a partition")
    func silence() async throws {
        for partition in [nil, TopicPartition(topic: "t", partition: 0)] {
            try await run(partition, bound: .seconds(1)) { said, watch in
                // Its connections stay, and its answers come later than anybody waits.
                cluster.setRoundTripTime(.seconds(4))
                while said().isEmpty { try await Task.sleep(for: .milliseconds(20)) }
                let who = partition.map { "the broker of \($0) has not" } ?? "no Kafka broker has"
                #expect(said()[0] == "\(who) answered for 1 s")
                #expect(watch.problem != nil)
                cluster.setRoundTripTime(.zero)
                while said().last != .some(nil) { try await Task.sleep(for: .milliseconds(20)) }
            }
        }
    }

    @Test("of brokers that answer nothing is said")
    func health() async throws {
        try await run(nil, bound: .seconds(5)) { said, watch in
            let asked = cluster.requests().count
            while cluster.requests().count < asked + 4 { try await Task.sleep(for: .milliseconds(50)) }
            #expect(said() == [])
            #expect(watch.problem == nil)
        }
    }
}
