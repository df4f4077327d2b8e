import Foundation

/// Reads a small hand-written file, such as settings or a password, as a whole, with limits on size and waiting time.
enum SmallFile {
    /// Why a file cannot be read.
    struct Failure: Error {
        let reason: String
        /// Whether nothing could be read, as opposed to invalid content.
        let isMissing: Bool
    }

    private static let maximumBytes = 1 << 20
    /// How long a pipe may be silent, in milliseconds.
    private static let patience: Int32 = 10_000

    static func text(_ path: String) throws(Failure) -> String {
        let bytes = try bytes(path, atMost: maximumBytes)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(reason: "it is not UTF-8", isMissing: false)
        }
        return text
    }

    static func bytes(_ path: String, atMost maximumBytes: Int) throws(Failure) -> [UInt8] {
        // Without O_NONBLOCK, opening a FIFO blocks until it has a writer.
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
        // A FIFO without a writer also reads as empty.
        guard !bytes.isEmpty else { throw Failure(reason: "it is empty", isMissing: true) }
        return bytes
    }
}
