import Synchronization

/// How many bytes of other people's requests and responses a server holds, all connections together, and how many it may.
///
/// A request is refused at its head when the limit is reached. The last quarter is kept for small bodies, so that
/// a few large ones which never end do not shut everybody out.
final class MemoryBudget: Sendable {
    /// Bodies up to this size may use the last quarter.
    static let small = 65_536

    let limit: Int
    private let held = Atomic(0)

    init(limit: Int) {
        self.limit = limit
    }

    var bytes: Int { held.load(ordering: .relaxed) }

    /// Whether a request may begin.
    var hasRoom: Bool { bytes < limit }

    /// Takes `count` bytes for something that has `total` then; false when there is no room.
    func take(_ count: Int, total: Int) -> Bool {
        let most = total > Self.small ? limit / 4 * 3 : limit
        if held.add(count, ordering: .relaxed).newValue <= most { return true }
        give(count)
        return false
    }

    /// Takes `count` bytes that are there already.
    func takeAnyway(_ count: Int) {
        held.add(count, ordering: .relaxed)
    }

    /// Gives bytes back.
    func give(_ count: Int) {
        held.subtract(count, ordering: .relaxed)
    }
}
