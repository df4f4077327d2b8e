/// The successive transactions of the exactly-once lane. A value, independent of Kafka: it is told what happened and
/// returns what to do next; each action, once done and reported, leads to the next state.
///
/// ```
///                  records                 bound reached or asked to             committed
///          idle ─────────────► open ─────────────────► ending ───────► committing ─────────► idle
///                                │ failure                │ failure        │ refused
///                                └──────────────► aborting ◄───────────────┘
///                                                     │ aborted
///                                                     └───────► rewinding ─────► idle
/// ```
package struct TransactionState {
    package enum Action: Hashable {
        /// Go on.
        case proceed
        /// Receive nothing more; wait until everything sent is acknowledged.
        case drain
        /// Send the offsets, report ``commitBegins(_:at:)`` and commit; then report ``committed()`` or
        /// ``refused()``.
        case commit
        /// Report ``abortBegins(at:)`` and abort; then report ``aborted()``.
        case abort
        /// Seek back to where the transaction began; then report ``rewound()``.
        case rewind
    }

    package enum State: Hashable {
        case idle
        case open(since: ContinuousClock.Instant, records: Int)
        case ending
        /// The commit is under way, and only its own outcome counts.
        case committing(since: ContinuousClock.Instant)
        /// When the abort started; `nil` before.
        case aborting(since: ContinuousClock.Instant?)
        /// The transaction is aborted, and the consumer has not been rewound yet.
        case rewinding
    }

    package private(set) var state = State.idle
    /// The positions in the commit that is under way.
    package private(set) var positions: [OffsetLedger.Position] = []
    private let bounds: WorkerConfiguration.TransactionSettings

    package init(bounds: WorkerConfiguration.TransactionSettings) {
        self.bounds = bounds
    }

    /// Whether another batch may be answered.
    package var takesRecords: Bool {
        switch state {
        case .idle, .open: true
        case .ending, .committing, .aborting, .rewinding: false
        }
    }

    /// Whether the transaction can only be aborted.
    package var isAborting: Bool {
        if case .aborting = state { true } else { false }
    }

    /// Whether a commit or abort is under way that the broker may still complete.
    ///
    /// The limit is three times the transaction timeout: the broker itself aborts a timed-out transaction, and checks
    /// for those every 10 s.
    package func isBeingEnded(at now: ContinuousClock.Instant) -> Bool {
        switch state {
        case .committing(let since), .aborting(let since?): now - since < bounds.timeout * 3
        case .idle, .open, .ending, .aborting(nil), .rewinding: false
        }
    }

    /// A batch is about to be answered. Returns whether to begin a transaction first.
    package mutating func add(records: Int, at now: ContinuousClock.Instant) -> Bool {
        switch state {
        case .idle:
            state = .open(since: now, records: records)
            return true
        case .open(let since, let already):
            state = .open(since: since, records: already + records)
            return false
        case .ending, .committing, .aborting, .rewinding:
            assertionFailure("a transaction that ends takes nothing more")
            return false
        }
    }

    /// The next action. `hasUnanswered`: whether something sent is not acknowledged.
    package mutating func next(at now: ContinuousClock.Instant, hasUnanswered: Bool) -> Action {
        switch state {
        case .idle:
            return .proceed
        case .open(let since, let records):
            guard records >= bounds.maximumRecords || now - since >= bounds.maximumAge else { return .proceed }
            state = .ending
            return hasUnanswered ? .drain : .commit
        case .ending:
            return hasUnanswered ? .drain : .commit
        case .committing:
            return .commit
        case .aborting:
            return .abort
        case .rewinding:
            return .rewind
        }
    }

    /// The transaction must end now, at any age: partitions are being revoked, or the worker is stopping.
    package mutating func end() {
        if case .open = state { state = .ending }
    }

    /// A reply could not be delivered, or the broker refused a step: the transaction cannot be committed.
    package mutating func failed() {
        switch state {
        case .open, .ending: state = .aborting(since: nil)
        case .idle, .committing, .aborting, .rewinding: break
        }
    }

    /// Everything is sent, offsets included: from here on the broker decides the outcome.
    package mutating func commitBegins(_ positions: [OffsetLedger.Position], at now: ContinuousClock.Instant) {
        guard state == .ending else { return }
        self.positions = positions
        state = .committing(since: now)
    }

    /// The broker refused the commit.
    package mutating func refused() {
        if state != .idle { state = .aborting(since: nil) }
    }

    package mutating func committed() { state = .idle }

    /// The abort starts. Only the first call counts.
    package mutating func abortBegins(at now: ContinuousClock.Instant) {
        if state == .aborting(since: nil) { state = .aborting(since: now) }
    }

    package mutating func aborted() { state = .rewinding }

    package mutating func rewound() { state = .idle }
}
