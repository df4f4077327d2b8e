import Foundation
import Kafka
import Synchronization

/// Asks again and again what a group has committed: never more than has been answered, which goes into the books of the
/// replies, and never less than before.
///
/// Less than before can be a commit by a worker that had lost the partition to one that was further on. After a cut it can
/// also be a commit of the owner itself that was sent again behind a later one; the next one sets it right.
final class CommitAudit: Sendable {
    struct Findings: Sendable {
        /// How often it asked.
        var samples = 0
        /// Commits that were less than one before.
        var setBack: [String] = []

        var text: String { "commits looked at \(samples) times, \(setBack.count) set back" }
    }

    private let mustStop = Mutex(false)
    private let findings = Mutex(Findings())
    private let hasStopped = DispatchSemaphore(value: 0)

    /// Starts to ask.
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
    func stop() -> Findings {
        mustStop.withLock { $0 = true }
        hasStopped.wait()
        return findings.withLock { $0 }
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
                let setBack = "partition \(partition) from \(before) to \(committed[partition] ?? 0)"
                findings.withLock { $0.setBack.append(setBack) }
            }
            highest.merge(committed) { $1 }
            try replies.expectAnswers(below: committed)
            findings.withLock { $0.samples += 1 }
        }
    }
}
