#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Files that are read in full and may be read again: models, certificates, keys.
///
/// Only regular files. A pipe or device, configured by mistake, may have no end, and a read may block forever with no
/// way to interrupt it.
package enum RegularFile {
    /// Why a file cannot be read.
    package struct Failure: Error, Sendable {
        /// Human-readable, printed after the file name.
        package let reason: String
        /// No file has this name.
        package let isMissing: Bool

        init(errno code: Int32) {
            isMissing = code == ENOENT || code == ENOTDIR
            reason = "cannot be read: \(String(cString: strerror(code)))"
        }

        fileprivate static let otherKind = Failure("is not a regular file")

        private init(_ reason: String) {
            self.reason = reason
            isMissing = false
        }
    }

    /// Opens a file for reading; the caller closes it.
    ///
    /// - Returns: the descriptor, and how many bytes the file has now.
    package static func open(_ path: String) throws(Failure) -> (descriptor: Int32, size: Int) {
        // Opening a pipe would otherwise wait for a writer.
        let descriptor = systemOpen(path)
        guard descriptor >= 0 else {
            // A socket cannot be opened at all.
            throw errno == ENXIO ? .otherKind : Failure(errno: errno)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw .otherKind
        }
        return (descriptor, Int(status.st_size))
    }

    /// The contents of a file.
    package static func contents(_ path: String) throws(Failure) -> [UInt8] {
        let (descriptor, size) = try open(path)
        defer { close(descriptor) }
        var contents: [UInt8] = []
        contents.reserveCapacity(size)
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Failure(errno: errno) }
            if count == 0 { return contents }
            contents += buffer[..<count]
        }
    }

    private static func systemOpen(_ path: String) -> Int32 {
        #if canImport(Glibc)
            Glibc.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        #elseif canImport(Musl)
            Musl.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        #elseif canImport(Darwin)
            Darwin.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        #endif
    }
}
