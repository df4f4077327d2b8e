#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Standard error.
public enum StandardError {
    /// Writes the text in one system call, so that lines of several threads and processes do not mix. Errors are
    /// ignored: there is nowhere to report them.
    public static func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                #if canImport(Glibc)
                    let written = Glibc.write(STDERR_FILENO, rest.baseAddress!, rest.count)
                #elseif canImport(Musl)
                    let written = Musl.write(STDERR_FILENO, rest.baseAddress!, rest.count)
                #elseif canImport(Darwin)
                    let written = Darwin.write(STDERR_FILENO, rest.baseAddress!, rest.count)
                #endif
                if written < 0, errno == EINTR { continue }
                guard written > 0 else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            }
        }
    }
}
