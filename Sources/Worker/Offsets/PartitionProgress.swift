/// How far one partition has been answered, during one ownership of it.
///
/// The requests of a partition are received in order, a *stretch* of them with each batch, and the stretches may be
/// answered in any order. ``position`` moves only over a prefix of answered stretches: everything before it has an
/// acknowledged reply or dead letter. Stretches follow each other as they were received, not by number: offsets have
/// holes (compaction, transaction markers).
package struct PartitionProgress {
    /// Tells this ownership of the partition from earlier and later ones.
    package let generation: UInt64

    /// The offset after all that is answered without a gap; `nil` until something is.
    package private(set) var position: Int64?

    /// Stretches from the first that is unanswered on; the index of one is its number minus ``firstNumber``.
    private var stretches: [Stretch] = []
    private var firstNumber: UInt64 = 0

    private struct Stretch {
        var end: Int64
        var isAnswered = false
    }

    package init(generation: UInt64) {
        self.generation = generation
    }

    /// Whether something was received and not yet answered.
    package var hasUnanswered: Bool { !stretches.isEmpty }

    /// Notes that requests up to, not including, `end` were received. Returns the stretch's number.
    package mutating func begin(end: Int64) -> UInt64 {
        stretches.append(Stretch(end: end))
        return firstNumber + UInt64(stretches.count) - 1
    }

    /// Notes that all of a stretch is answered. Returns whether ``position`` moved.
    package mutating func complete(_ number: UInt64) -> Bool {
        guard number >= firstNumber, number - firstNumber < UInt64(stretches.count) else { return false }
        stretches[Int(number - firstNumber)].isAnswered = true
        var answered = 0
        while answered < stretches.count, stretches[answered].isAnswered {
            position = stretches[answered].end
            answered += 1
        }
        guard answered > 0 else { return false }
        stretches.removeFirst(answered)
        firstNumber += UInt64(answered)
        return true
    }
}
