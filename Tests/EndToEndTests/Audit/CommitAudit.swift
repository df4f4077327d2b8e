import Foundation
import Kafka
import Synchronization

/// Asks again and again what a group has committed: never more than has been answered, and never less than before.
///
/// Less than before would be a commit by a worker that had lost the partition to one that was further on.
final class CommitAudit: Sendable {
    private let mustStop = Mutex(false)
    private let samples = Mutex(0)
    private let hasStopped = DispatchSemaphore(value: 0)

    /// Starts to ask; what it finds goes into the books of `replies`.
    init(on stage: Stage, group: String? = nil, replies: ReplyAudit) {
        let group = group ?? stage.group
        Thread.detachNewThread { [self] in
            defer { hasStopped.signal() }
            do {
                try watch(stage, group: group, replies)
            } catch {
                replies.note("the committed offsets could not be read: \(error)")
            }
        }
    }

    /// Ends it.
    ///
    /// - Returns: how often it asked.
    func stop() -> Int {
        mustStop.withLock { $0 = true }
        hasStopped.wait()
        return samples.withLock { $0 }
    }

    private func watch(_ stage: Stage, group: String, _ replies: ReplyAudit) throws {
        // It never joins the group: it neither subscribes nor commits.
        let consumer = try Consumer(properties: stage.properties.merging(["group.id": group]), log: stage.log)
        defer { consumer.close() }
        let partitions = stage.partitions(of: stage.topics.requests)
        var highest: [Int: Int] = [:]
        while !mustStop.withLock({ $0 }) {
            pause(.milliseconds(250))
            // While the broker is cut off nobody can say.
            guard let offsets = try? consumer.committed(partitions, within: .seconds(5)) else { continue }
            var committed: [Int: Int] = [:]
            for (place, offset) in offsets { if let offset { committed[Int(place.partition)] = Int(offset) } }
            for (partition, before) in highest where committed[partition] ?? 0 < before {
                replies.note("the commit of partition \(partition) went from \(before) to \(committed[partition] ?? 0)")
            }
            highest.merge(committed) { max($0, $1) }
            try replies.expectAnswers(below: committed)
            samples.withLock { $0 += 1 }
        }
    }
}
