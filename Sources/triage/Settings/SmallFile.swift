import Foundation

/// Reads a file that somebody wrote by hand, such as one of settings or of a password: whole, and nothing that has no
/// end.
enum SmallFile {
    /// Why it cannot be read, for people.
    struct Failure: Error {
        let reason: String
        /// There is nothing to read, as against something that is not what it should be.
        let isMissing: Bool
    }

    private static let maximumBytes = 1 << 20
    /// How long a pipe may be silent.
    private static let patience: Int32 = 10_000

    static func text(_ path: String) throws(Failure) -> String {
        // Opening a pipe would else wait for somebody who writes.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(reason: String(cString: strerror(errno)), isMissing: true) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EAGAIN {
                var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                guard poll(&entry, 1, patience) > 0 else {
                    throw Failure(reason: "nothing comes out of it", isMissing: true)
                }
                continue
            }
            guard count >= 0 else { throw Failure(reason: String(cString: strerror(errno)), isMissing: true) }
            if count == 0 { break }
            bytes += buffer[..<count]
            guard bytes.count <= maximumBytes else {
                throw Failure(reason: "it has more than \(maximumBytes) bytes", isMissing: false)
            }
        }
        // So is a pipe that nobody writes to.
        guard !bytes.isEmpty else { throw Failure(reason: "it is empty", isMissing: true) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(reason: "it is not UTF-8", isMissing: false)
        }
        return text
    }
}
