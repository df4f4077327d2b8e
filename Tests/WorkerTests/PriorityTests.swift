import Foundation
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
        "the bulk lane's threads have what nobody else wants of the processor, or as much as they are told",
        arguments: [(ThreadPriority.idle, [idle, 10]), (.low, [other, 10]), (.normal, [other, 0])])
    func priority(priority: ThreadPriority, expected: [Int]) async throws {
        #expect(WorkerConfiguration().bulk.priority == .idle)
        #expect(WorkerConfiguration().interactive.priority == .normal)
        try await MockWorker.with { worker in
            worker.configuration.bulk.priority = priority
            try worker.start()
            try await worker.send(requests(10), to: "sentences")
            _ = try await worker.read("classifications", count: 10)
            #expect(try scheduling(ofThreads: "lane-bulk") == [expected])
            #expect(try scheduling(ofThreads: "lane-inter") == [[Self.other, 0]])
            // librdkafka's own threads inherit it; those of the mock cluster and of the test are among them.
            #expect(try scheduling(ofThreads: "rdk:").isSuperset(of: [expected, [Self.other, 0]]))
            try await worker.stop()
        }
    }
}
