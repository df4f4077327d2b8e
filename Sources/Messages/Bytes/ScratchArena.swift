/// Memory that is handed out in pieces which stay where they are until ``reset()``, and reused after it.
///
/// Decoders put here what cannot be borrowed from the record itself, such as a text with escapes. One thread at a time.
package final class ScratchArena {
    private var chunks: [UnsafeMutableRawBufferPointer] = []
    private var current = 0
    private var used = 0
    private let chunkSize: Int

    /// Makes an empty arena; it allocates when first used, `chunkSize` bytes at a time.
    package init(chunkSize: Int = 16 * 1024) { self.chunkSize = chunkSize }

    deinit { for chunk in chunks { chunk.deallocate() } }

    /// Takes back everything that was handed out and keeps the memory for what comes.
    package func reset() {
        current = 0
        used = 0
    }

    /// Hands out so many bytes, not initialised, valid until ``reset()``.
    func allocate(_ count: Int) -> UnsafeMutableRawPointer {
        while current < chunks.count {
            if chunks[current].count - used >= count {
                let start = chunks[current].baseAddress! + used
                used += count
                return start
            }
            current += 1
            used = 0
        }
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, chunkSize), alignment: 16)
        chunks.append(chunk)
        used = count
        return chunk.baseAddress!
    }

    /// Takes back the last bytes of what was handed out last.
    func giveBack(_ count: Int) { used -= count }
}
