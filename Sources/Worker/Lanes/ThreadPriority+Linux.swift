import Glibc

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
