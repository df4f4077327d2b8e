#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// How many files and connections the process may have open.
package enum FileDescriptorLimit {
    /// Raises it to the most that the system allows and returns what it is then. Shells often set 1,024, which is fewer
    /// than the connections served.
    @discardableResult
    package static func raise() -> Int {
        var limit = rlimit()
        #if os(Linux) && canImport(Glibc)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let resource = RLIMIT_NOFILE
        #endif
        guard getrlimit(resource, &limit) == 0 else { return 1_024 }
        let allowed = limit.rlim_cur
        if allowed < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            // Refused only by systems with a lower limit than they say; then the old one goes on.
            if setrlimit(resource, &limit) != 0 { limit.rlim_cur = allowed }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
