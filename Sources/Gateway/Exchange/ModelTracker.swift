package import Platform

/// What replies reveal about the model.
package struct ModelInformation: Hashable, Sendable {
    /// The model's name, before the `@`.
    package let name: String
    /// The model's version, after the `@`; empty if there is none.
    package let version: String
    /// `NAME@VERSION`, as in replies.
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

/// Tracks the current model while workers switch to a new one.
///
/// The first reply of a new model makes it current. During a rollout, replies of the previous model still arrive. They
/// are valid answers, but they neither switch the gateway back nor enter the cache. A previous model becomes current
/// again only after the current one has been silent for a while.
package struct ModelTracker: Sendable {
    /// How long the current model must be silent before a previous one may become current again.
    static let silence: UInt64 = 10_000_000_000

    /// How a reply relates to the current model.
    package enum Finding: Equatable, Sendable {
        /// It comes from the current model and may be cached.
        case current
        /// Its model has just become the current one. The cache must be cleared first.
        case changed
        /// It comes from a replaced model and must not be cached.
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
