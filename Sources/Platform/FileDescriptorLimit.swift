#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The limit on open files and connections of the process.
package enum FileDescriptorLimit {
    /// Raises the limit as far as the system allows and returns it. Shells often set 1,024, fewer than the connections
    /// served.
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
            // Fails only on systems whose real limit is below the reported one; the old one then stays.
            if setrlimit(resource, &limit) != 0 { limit.rlim_cur = allowed }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
