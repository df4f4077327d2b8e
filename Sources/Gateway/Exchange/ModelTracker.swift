package import Platform

/// What the gateway knows of the model from the replies that it sees.
package struct ModelInformation: Hashable, Sendable {
    /// The model's name, before the `@`.
    package let name: String
    /// The model's version, after the `@`; empty when there is none.
    package let version: String
    /// `NAME@VERSION`, as replies have it.
    package let identifier: String
    /// The classes, in the order of the probabilities.
    package let labels: [String]

    package init(identifier: String, labels: [String]) {
        let parts = identifier.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        self.name = String(parts[0])
        self.version = parts.count > 1 ? String(parts[1]) : ""
        self.identifier = identifier
        self.labels = labels
    }
}

/// Decides which model is the current one while workers change over from one to the next.
///
/// The first reply of a model never seen makes it current. While the change is under way, replies of the model before
/// still come in; they are good answers, but neither turn the gateway back nor get into the cache. Only when the current
/// model has been silent for a while does an earlier one count as a return to it.
package struct ModelTracker: Sendable {
    /// For how long the current model must be silent before an earlier one may take over again.
    static let silence: UInt64 = 10_000_000_000

    /// What became of a reply.
    package enum Finding: Equatable, Sendable {
        /// The current model's: it may be cached.
        case current
        /// From now on this model is the current one: the cache must be emptied first.
        case changed
        /// From a model that has been replaced: not to be cached.
        case superseded
    }

    package private(set) var current: ModelInformation?
    private var lastSeen = MonotonicTime(nanoseconds: 0)
    private var superseded: Set<String> = []

    package init() {}

    package mutating func observe(_ model: ModelInformation, now: MonotonicTime) -> Finding {
        guard let current else {
            self.current = model
            lastSeen = now
            return .changed
        }
        if current == model {
            lastSeen = now
            return .current
        }
        if superseded.contains(model.identifier), now.since(lastSeen) < Self.silence { return .superseded }
        superseded.insert(current.identifier)
        superseded.remove(model.identifier)
        self.current = model
        lastSeen = now
        return .changed
    }
}
