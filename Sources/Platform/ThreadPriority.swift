import Glibc

/// The CPU share that Linux gives a thread, and the threads that it starts, under contention.
///
/// It applies among the threads of one container, systemd service or, with `kernel.sched_autogroup_enabled`, login
/// session; between those, Linux divides the CPU first.
package enum ThreadPriority: String, Sendable, CaseIterable {
    /// A normal share.
    case normal
    /// A tenth of a normal share (niceness 10).
    case low
    /// Only idle CPU time (`SCHED_IDLE`, sched(7)): any other thread that wakes up preempts it at once.
    case idle
}

extension ThreadPriority {
    /// Sets the priority of the calling thread, which must be at normal, and so of every thread that it starts.
    func apply() {
        guard self != .normal else { return }
        // On Linux, niceness and policy are per thread. `idle` sets niceness too: it shows in `top`, and still applies
        // if a sandbox refuses the policy.
        let process = __priority_which_t(PRIO_PROCESS.rawValue)
        // Relative to the process, which may have been started with another niceness. 0 is the calling thread.
        setpriority(process, 0, getpriority(process, 0) + 10)
        guard self == .idle else { return }
        var parameters = sched_param()
        sched_setscheduler(0, Self.idlePolicy, &parameters)
    }

    /// `SCHED_IDLE` of <linux/sched.h>, which Swift does not import.
    private static var idlePolicy: Int32 { 5 }
}
