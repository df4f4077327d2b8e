/// An arena allocator: allocations stay in place until ``reset()``, which reuses the memory.
///
/// Decoders store here what cannot be borrowed from the record itself, such as a text with escapes. Not thread-safe.
package final class ScratchArena {
    private var chunks: [UnsafeMutableRawBufferPointer] = []
    private var current = 0
    private var used = 0
    private let chunkSize: Int

    /// Makes an empty arena, which allocates on first use, `chunkSize` bytes at a time.
    package init(chunkSize: Int = 16 * 1024) { self.chunkSize = chunkSize }

    deinit { for chunk in chunks { chunk.deallocate() } }

    /// Frees all allocations and keeps the memory for reuse.
    package func reset() {
        current = 0
        used = 0
    }

    /// Allocates this many uninitialised bytes, valid until ``reset()``.
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

    /// Frees the last bytes of the latest allocation.
    func giveBack(_ count: Int) { used -= count }
}
