import Glibc
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

    @Test("a program that is started has nothing of what is open here, however much that is")
    func nothingInherited() throws {
        // More than a thousand are open when all tests run; a broker with a copy of a socket keeps its connection alive.
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let opened = fcntl(2, F_DUPFD, 1500)
        defer { close(opened) }
        #expect(opened >= 1500)
        let outcome = try Command.run("/bin/ls", ["/proc/self/fd"])
        #expect(outcome.output.split(separator: "\n").compactMap { Int($0) }.allSatisfy { $0 < 1500 })
    }

    @Test("a program that is started can be asked to end, whatever the test's thread blocks")
    func nothingBlocked() async throws {
        let mask = try await onOwnThread {
            var (all, before) = (sigset_t(), sigset_t())
            sigfillset(&all)
            pthread_sigmask(SIG_SETMASK, &all, &before)
            defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
            return try Command.run("/bin/grep", ["SigBlk", "/proc/self/status"]).output
        }
        #expect(mask == "SigBlk:\t0000000000000000")
    }
}
