import Synchronization

/// What the sending thread tells the receiving one.
final class LineFeed: Sendable {
    private struct State {
        var refused: [(number: Int, reply: [UInt8])] = []
        var total: Result<Int, CommandFailure>?
    }

    private let state = Mutex(State())
    private let count = Atomic(0)

    /// Lines handed to the producer so far.
    var sent: Int { count.load(ordering: .relaxed) }

    func didSend(_ number: Int) { count.store(number + 1, ordering: .relaxed) }

    /// A line that cannot be sent, with the error that stands in its place.
    func refuse(_ number: Int, reply: [UInt8]) {
        state.withLock { $0.refused.append((number, reply)) }
        didSend(number)
    }

    func takeRefused() -> [(number: Int, reply: [UInt8])] {
        state.withLock { state in
            defer { state.refused.removeAll() }
            return state.refused
        }
    }

    /// Tells how many lines there were, or what ended the sending.
    func end(_ total: Result<Int, CommandFailure>) { state.withLock { $0.total = total } }

    /// How many lines there are; nil while more may come.
    func total() throws -> Int? { try state.withLock { try $0.total?.get() } }
}
