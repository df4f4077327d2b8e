/// The transactions of the exactly-once lane, one after the other. A value without Kafka: it is told what happened and
/// says what to do next; each answer leaves the state that the doing of it leads to.
///
/// ```
///                  records                 bound reached or asked to             committed
///          idle ─────────────► open ─────────────────► ending ───────► committing ─────────► idle
///                                │ failure                │ failure        │ refused
///                                └──────────────► aborting ◄───────────────┘
///                                                     │ aborted: rewind
///                                                     └──────────────────► idle
/// ```
package struct TransactionState {
    package enum Action: Hashable {
        /// Go on.
        case proceed
        /// Receive nothing more; wait until everything sent is acknowledged.
        case drain
        /// Send the offsets, report ``commitBegins()`` and commit; then report ``committed()``, or ``failed()`` or ``refused()``.
        case commit
        /// Abort, then report ``aborted()`` and read again from where the transaction began.
        case abort
    }

    package enum State: Hashable {
        case idle
        case open(since: ContinuousClock.Instant, records: Int)
        case ending
        /// The commit is under way, and only its own outcome counts.
        case committing
        case aborting
    }

    package private(set) var state = State.idle
    private let bounds: WorkerConfiguration.TransactionSettings

    package init(bounds: WorkerConfiguration.TransactionSettings) {
        self.bounds = bounds
    }

    /// A batch is about to be answered. Returns whether a transaction has to be begun first.
    package mutating func add(records: Int, at now: ContinuousClock.Instant) -> Bool {
        switch state {
        case .idle:
            state = .open(since: now, records: records)
            return true
        case .open(let since, let already):
            state = .open(since: since, records: already + records)
            return false
        case .ending, .committing, .aborting:
            assertionFailure("a transaction that ends takes nothing more")
            return false
        }
    }

    /// What to do now. `hasUnanswered`: whether something that was sent is not acknowledged.
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
        }
    }

    /// The transaction has to end now, whatever its age: partitions are being taken away, or the worker stops.
    package mutating func end() {
        if case .open = state { state = .ending }
    }

    /// A reply could not be delivered, or the broker refused a step: the transaction cannot be committed.
    package mutating func failed() {
        if state != .idle, state != .committing { state = .aborting }
    }

    /// All is sent, the offsets too: from here on the transaction is the broker's to decide.
    package mutating func commitBegins() {
        if state == .ending { state = .committing }
    }

    /// The broker has decided: it is not committed.
    package mutating func refused() {
        if state != .idle { state = .aborting }
    }

    package mutating func committed() { state = .idle }

    package mutating func aborted() { state = .idle }
}
