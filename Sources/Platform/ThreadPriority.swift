import Glibc

/// How much of the processor Linux lets a thread have, and the threads that it starts, when there is not enough for all.
///
/// It counts among the threads of one container, systemd service or, with `kernel.sched_autogroup_enabled`, login session;
/// between those Linux shares the processor first.
package enum ThreadPriority: String, Sendable, CaseIterable {
    /// As much as any other.
    case normal
    /// A tenth of what another gets (niceness 10).
    case low
    /// What no other wants (`SCHED_IDLE`, sched(7)): another that wakes up has the processor at once.
    case idle
}

extension ThreadPriority {
    /// Gives the thread that calls, which has the normal one so far, this priority, and so every thread that it starts.
    func apply() {
        guard self != .normal else { return }
        // On Linux niceness and policy belong to a thread. For `idle` too: it shows in `top`, and it is what remains where a
        // sandbox refuses the policy.
        let process = __priority_which_t(PRIO_PROCESS.rawValue)
        // Relative to the process, which may have been started at another. 0 is the calling thread.
        setpriority(process, 0, getpriority(process, 0) + 10)
        guard self == .idle else { return }
        var parameters = sched_param()
        sched_setscheduler(0, Self.idlePolicy, &parameters)
    }

    /// `SCHED_IDLE` of <linux/sched.h>, which Swift does not see.
    private static var idlePolicy: Int32 { 5 }
}
