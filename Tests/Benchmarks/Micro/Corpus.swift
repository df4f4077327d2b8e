import Foundation

/// The sentences of a file, in memory as records lie in a fetched batch: one behind the other.
struct Corpus {
    /// UTF-8, without line ends. The memory is never given back: it lives as long as the program.
    let sentences: [UnsafeRawBufferPointer]

    init(path: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let bytes = Self.keep(data)
        sentences = bytes.split(separator: UInt8(ascii: "\n")).map { UnsafeRawBufferPointer(rebasing: $0) }
        guard !sentences.isEmpty else { throw CocoaError(.fileReadCorruptFile) }
    }

    /// Copies the bytes to where they stay.
    static func keep(_ bytes: some Collection<UInt8>) -> UnsafeRawBufferPointer {
        let kept = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 64)
        kept.copyBytes(from: bytes)
        return UnsafeRawBufferPointer(rebasing: kept[..<bytes.count])
    }
}
