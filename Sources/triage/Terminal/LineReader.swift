import Foundation

/// Reads lines of bytes from a file descriptor, in one reused buffer.
///
/// A line ends with LF or CRLF; the last one may lack it. Lines may have any length and contain any bytes.
struct LineReader: ~Copyable {
    private let descriptor: Int32
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)
    private var start = 0
    private var end = 0
    private var scanned = 0
    private var isAtEnd = false

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// Passes the next line to `body`, without its ending; returns nil after the last one.
    /// - Throws: ``CommandFailure`` when the descriptor cannot be read.
    mutating func next<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result? {
        while true {
            if let feed = buffer[scanned..<end].firstIndex(of: UInt8(ascii: "\n")) {
                defer {
                    start = feed + 1
                    scanned = start
                }
                return try lend(start..<feed, to: body)
            }
            scanned = end
            if isAtEnd {
                guard start < end else { return nil }
                defer { start = end }
                return try lend(start..<end, to: body)
            }
            try fill()
        }
    }

    private func lend<Result>(
        _ range: Range<Int>, to body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        let hasReturn = !range.isEmpty && buffer[range.upperBound - 1] == UInt8(ascii: "\r")
        let line = range.lowerBound..<(hasReturn ? range.upperBound - 1 : range.upperBound)
        return try buffer.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[line])) }
    }

    private mutating func fill() throws {
        if start > 0 {
            buffer.withUnsafeMutableBytes { bytes in
                bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            }
            end -= start
            scanned -= start
            start = 0
        }
        if end == buffer.count { buffer.append(contentsOf: repeatElement(0, count: buffer.count)) }
        let free = end
        let count = buffer.withUnsafeMutableBytes { bytes in
            var count: Int
            repeat {
                count = read(descriptor, bytes.baseAddress! + free, bytes.count - free)
            } while count < 0 && errno == EINTR
            return count
        }
        guard count >= 0 else {
            throw CommandFailure.noInput("cannot read the input: \(String(cString: strerror(errno)))")
        }
        if count == 0 { isAtEnd = true }
        end += count
    }
}
