internal import CZlib
internal import Foundation

/// Reads a file, a pipe or standard input, and decompresses gzip.
enum DataInput {
    /// More than any machine trains on; stops endless input.
    static let mostBytes = 1 << 30
    private static let chunkBytes = 1 << 20

    /// The input's name in messages.
    static func name(of path: String) -> String { path == "-" ? "standard input" : path }

    /// Reads to the end.
    /// - Parameter path: A file, a pipe such as `/dev/stdin`, or `-` for standard input.
    static func read(path: String) throws(DataError) -> [UInt8] {
        let name = name(of: path)
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            let missing = errno == ENOENT || errno == ENOTDIR
            throw missing
                ? DataError(.missing, name, "no such file")
                : DataError(.unreadable, name, "cannot be opened: \(String(cString: strerror(errno)))")
        }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else {
            throw DataError(.unreadable, name, "is a folder, not a file")
        }
        let bytes = try readAll(descriptor, expected: Int(status.st_size), name)
        return bytes.starts(with: [0x1F, 0x8B]) ? try unpack(bytes, name) : bytes
    }

    private static func readAll(_ descriptor: Int32, expected: Int, _ name: String) throws(DataError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(min(max(0, expected), mostBytes))
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkBytes, alignment: 16)
        defer { chunk.deallocate() }
        while true {
            let count = Foundation.read(descriptor, chunk.baseAddress, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw DataError(.unreadable, name, "cannot be read: \(String(cString: strerror(errno)))")
            }
            guard count > 0 else { return bytes }
            try add(chunk, count, to: &bytes, name)
        }
    }

    /// Decompresses gzip, which may have several members.
    private static func unpack(_ packed: [UInt8], _ name: String) throws(DataError) -> [UInt8] {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        defer { stream.deallocate() }
        // The largest window, plus 16 to expect a gzip header.
        guard inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw DataError(.unreadable, name, "cannot be unpacked: zlib has no memory")
        }
        defer { inflateEnd(stream) }
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkBytes, alignment: 16)
        defer { chunk.deallocate() }
        var bytes: [UInt8] = []
        try packed.withUnsafeBufferPointer { (packed) throws(DataError) in
            stream.pointee.next_in = UnsafeMutablePointer(mutating: packed.baseAddress)
            stream.pointee.avail_in = UInt32(packed.count)
            while true {
                stream.pointee.next_out = chunk.baseAddress!.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(chunk.count)
                let outcome = inflate(stream, Z_NO_FLUSH)
                try add(chunk, chunk.count - Int(stream.pointee.avail_out), to: &bytes, name)
                switch outcome {
                case Z_OK:
                    continue
                case Z_STREAM_END:
                    // Tapes and some tools pad with zeros.
                    let rest = packed.suffix(Int(stream.pointee.avail_in))
                    if rest.allSatisfy({ $0 == 0 }) { return }
                    inflateReset(stream)
                case Z_BUF_ERROR:
                    throw DataError(.malformed, name, "is gzip that ends too early; copy it again")
                default:
                    throw DataError(.malformed, name, "is gzip that is damaged; copy it again")
                }
            }
        }
        return bytes
    }

    private static func add(
        _ chunk: UnsafeMutableRawBufferPointer, _ count: Int, to bytes: inout [UInt8], _ name: String
    ) throws(DataError) {
        // Without this check a device or a disk image would be read to the end first.
        if bytes.isEmpty, count > 0, chunk[0] == 0 { throw DataError.noText(name) }
        guard bytes.count + count <= mostBytes else {
            throw DataError(.malformed, name, "holds more than \(mostBytes >> 30) GiB; train on a part of it")
        }
        bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: chunk[..<count]))
    }
}

extension DataError {
    /// The error for binary or UTF-16 content.
    static func noText(_ path: String) -> DataError {
        DataError(.malformed, path, line: 1, "is not text, or is UTF-16; save it as UTF-8")
    }
}
