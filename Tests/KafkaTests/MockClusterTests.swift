import Kafka
import Synchronization
import TestSupport
import Testing

@Suite("The brokers of the tests", .timeLimit(.minutes(2)))
struct MockClusterTests {
    private final class Progress: Sendable { let isDone = Atomic(false) }

    @Test("a broker goes down while programs are started, which have copies of its socket")
    func downBesideStartingPrograms() async throws {
        let cluster = try MockCluster()
        let progress = Progress()
        async let restarts: Void = onOwnThread {
            // Each can take the cluster's thread a second.
            for _ in 0..<10 {
                cluster.setBroker(isDown: true)
                cluster.setBroker(isDown: false)
            }
            progress.isDone.store(true, ordering: .relaxed)
        }
        try await withThrowingTaskGroup { group in
            for _ in 0..<4 {
                group.addTask {
                    try await onOwnThread {
                        while !progress.isDone.load(ordering: .relaxed) { _ = try Command.run("/bin/true", []) }
                    }
                }
            }
            try await group.waitForAll()
        }
        try await restarts
    }
}
