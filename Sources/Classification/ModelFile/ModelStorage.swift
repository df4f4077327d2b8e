#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The bytes of a model, page-aligned and private to this process.
///
/// The file's layout could be mapped as it is, and is read instead: a file that is overwritten or cut in place while
/// workers run would change verified weights under them, or end them with SIGBUS. Anonymous memory may also be given
/// huge pages, which a look-up by hash is thankful for.
final class ModelStorage: @unchecked Sendable {
    /// Written before the storage is shared and never after; hence `@unchecked Sendable`.
    let bytes: UnsafeMutableRawBufferPointer

    /// Memory of the given size, zeroed; nil when the system has not so much.
    init?(byteCount: Int) {
        guard byteCount > 0,
            let start = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            start != MAP_FAILED
        else { return nil }
        #if os(Linux)
            _ = madvise(start, byteCount, MADV_HUGEPAGE)
        #endif
        bytes = UnsafeMutableRawBufferPointer(start: start, count: byteCount)
    }

    deinit { munmap(bytes.baseAddress, bytes.count) }
}
