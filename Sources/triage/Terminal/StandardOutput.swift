import Foundation

/// Standard output, buffered: written when 64 KiB have come together and on `flush()`.
struct StandardOutput: ~Copyable {
    private var buffer: [UInt8] = []

    init() { buffer.reserveCapacity(1 << 17) }

    /// Adds a line; LF follows it.
    /// - Throws: ``CommandFailure`` when standard output is closed or its disk is full.
    mutating func writeLine(_ line: UnsafeRawBufferPointer) throws {
        buffer.append(contentsOf: line)
        buffer.append(UInt8(ascii: "\n"))
        if buffer.count >= 1 << 16 { try flush() }
    }

    mutating func flush() throws {
        defer { buffer.removeAll(keepingCapacity: true) }
        try buffer.withUnsafeBytes { bytes in
            var written = 0
            while written < bytes.count {
                let count = write(STDOUT_FILENO, bytes.baseAddress! + written, bytes.count - written)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else {
                    throw CommandFailure.internalError(
                        "cannot write to standard output: \(String(cString: strerror(errno)))")
                }
                written += count
            }
        }
    }
}
