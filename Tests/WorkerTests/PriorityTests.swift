import Foundation
import Kafka
import Testing
import Worker

// With the others, so that only one such worker runs at a time.
extension FaultTests {
    /// The scheduling policies (sched(7)) and nicenesses of the threads whose names begin so.
    private func scheduling(ofThreads prefix: String) throws -> Set<[Int]> {
        let folder = "/proc/self/task"
        let threads = try FileManager.default.contentsOfDirectory(atPath: folder)
        // A thread may end meanwhile.
        let found = threads.compactMap { thread -> [Int]? in
            guard let name = try? String(contentsOfFile: "\(folder)/\(thread)/comm", encoding: .utf8),
                name.hasPrefix(prefix),
                let line = try? String(contentsOfFile: "\(folder)/\(thread)/stat", encoding: .utf8)
            else { return nil }
            // proc_pid_stat(5); the second field, the name, may hold anything, and the third comes first here.
            let fields = line[(line.lastIndex(of: ")") ?? line.startIndex)...].split(separator: " ").dropFirst()
            let numbers = fields.map { Int($0) ?? 0 }
            return [numbers[41 - 3], numbers[19 - 3]]
        }
        return Set(found)
    }

    private static let (other, idle) = (0, 5)

    @Test(
        "the bulk lane's work has what nobody else wants of the processor, or as much as it is told",
        arguments: [(ThreadPriority.idle, [idle, 10]), (.low, [other, 10]), (.normal, [other, 0])])
    func priority(priority: ThreadPriority, expected: [Int]) async throws {
        #expect(WorkerConfiguration().bulk.priority == .idle)
        #expect(WorkerConfiguration().interactive.priority == .normal)
        try await MockWorker.with { worker in
            worker.configuration.bulk.priority = priority
            try worker.start()
            try await worker.send(requests(10), to: "sentences")
            _ = try await worker.read("classifications", count: 10)
            let normal = [Self.other, 0]
            #expect(try scheduling(ofThreads: "bulk-work") == (priority == .normal ? [] : [expected]))
            // What others wait for is as quick as any: joining, leaving, the coordinators, librdkafka's timers.
            #expect(try scheduling(ofThreads: "lane-") == [normal])
            #expect(try scheduling(ofThreads: "rdk:main") == [normal])
            // Those that carry records; the test's own and the interactive lane's are among them.
            #expect(try scheduling(ofThreads: "rdk:broker").isSuperset(of: [expected, normal]))
            try await worker.stop()
        }
    }

    @Test("a worker that stops has its full share of the processor, and leaves none of its priority behind")
    func priorityAtTheEnd() async throws {
        try await MockWorker.with { worker in
            try worker.start()
            try await worker.send(requests(10), to: "sentences")
            _ = try await worker.read("classifications", count: 10)
            #expect(try scheduling(ofThreads: "bulk-work") == [[Self.idle, 10]])
            // Leaving the group takes its time, so that it can be watched.
            worker.cluster.setRoundTripTime(.seconds(2))
            worker.askToStop()
            #expect(try await worker.eventually { try scheduling(ofThreads: "bulk-work").isEmpty })
            #expect(try scheduling(ofThreads: "lane-bulk") == [[Self.other, 0]])
            try await worker.stop()
            #expect(try await worker.eventually { try !scheduling(ofThreads: "").contains([Self.idle, 10]) })
        }
    }
}
