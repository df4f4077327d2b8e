/// How much of the processor Linux lets a thread have, and the threads that it starts, when there is not enough for all.
///
/// It counts among the threads of one container, systemd service or, with `kernel.sched_autogroup_enabled`, login session;
/// between those Linux shares the processor first.
public enum ThreadPriority: String, Sendable, CaseIterable {
    /// As much as any other.
    case normal
    /// A tenth of what another gets (niceness 10).
    case low
    /// What no other wants (`SCHED_IDLE`, sched(7)): another that wakes up has the processor at once.
    case idle
}
