#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// How many files and connections the process may have open.
enum FileDescriptorLimit {
    /// Raises it to the most that the system allows. Shells often set 1,024, which is fewer than the connections served.
    static func raise() {
        var limit = rlimit()
        #if os(Linux) && canImport(Glibc)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let resource = RLIMIT_NOFILE
        #endif
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        // Refused only by systems with a lower limit than they say; then the old one goes on.
        _ = setrlimit(resource, &limit)
    }
}
