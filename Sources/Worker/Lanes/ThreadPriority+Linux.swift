import Glibc

extension ThreadPriority {
    /// Gives a thread of this process, which has the normal one so far, this priority.
    ///
    /// - Parameter thread: Linux's number (gettid(2)); 0 is the one that calls.
    func apply(toThread thread: Int32) {
        guard self != .normal else { return }
        // On Linux niceness and policy belong to a thread. For `idle` too: it shows in `top`, and it is what remains where a
        // sandbox refuses the policy.
        let process = __priority_which_t(PRIO_PROCESS.rawValue)
        let number = id_t(bitPattern: thread)
        // Relative to the process, which may have been started at another.
        setpriority(process, number, getpriority(process, number) + 10)
        guard self == .idle else { return }
        var parameters = sched_param()
        sched_setscheduler(thread, Self.idlePolicy, &parameters)
    }

    /// `SCHED_IDLE` of <linux/sched.h>, which Swift does not see.
    private static var idlePolicy: Int32 { 5 }
}
