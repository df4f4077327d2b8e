/// A growable append-only buffer, reused from batch to batch.
///
/// Encoders append and return the range of what they wrote. A pointer from ``bytes(in:)`` is valid until the next
/// append, since growing moves the bytes: encode a whole batch first, then take the pointers. Not thread-safe.
package final class ByteArena {
    private var base: UnsafeMutableRawPointer
    /// The number of allocated bytes.
    package private(set) var capacity: Int
    /// The number of bytes written since the last ``reset()``.
    package private(set) var count = 0

    /// Makes an empty arena with room for this many bytes.
    package init(capacity: Int = 4096) {
        self.capacity = max(capacity, 64)
        base = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    /// Removes the content and keeps the memory.
    package func reset() { count = 0 }

    /// Everything written since the last ``reset()``. Borrowed until the next append.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// The bytes in the range. Borrowed until the next append.
    package func bytes(in range: Range<Int>) -> UnsafeRawBufferPointer {
        precondition(range.upperBound <= count, "the range was not written")
        return UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
    }

    /// Makes room for this many more bytes.
    package func reserve(_ additional: Int) {
        let needed = count + additional
        guard needed > capacity else { return }
        let larger = max(needed, capacity * 2)
        let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        moved.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = moved
        capacity = larger
    }

    /// Appends what `body` writes, at most `maximum` bytes, and returns its range.
    func write(atMost maximum: Int, _ body: (inout ByteCursor) -> Void) -> Range<Int> {
        reserve(maximum)
        let start = base + count
        var cursor = ByteCursor(start)
        body(&cursor)
        let written = cursor.position - start
        precondition(written <= maximum, "more was written than was reserved")
        let range = count..<count + written
        count = range.upperBound
        return range
    }

    /// Appends the bytes and returns their range.
    @discardableResult
    package func append(_ bytes: UnsafeRawBufferPointer) -> Range<Int> {
        write(atMost: bytes.count) { $0.put(bytes) }
    }

    /// Appends one byte.
    @discardableResult
    package func append(_ byte: UInt8) -> Range<Int> {
        write(atMost: 1) { $0.put(byte) }
    }

    /// Appends a literal.
    @discardableResult
    package func append(literal: StaticString) -> Range<Int> {
        write(atMost: literal.utf8CodeUnitCount) { $0.put(literal) }
    }

    /// Appends the UTF-8 bytes of the text.
    @discardableResult
    package func append(text: String) -> Range<Int> {
        var text = text
        return text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// Appends the number in decimal.
    @discardableResult
    package func append(decimal: Int64) -> Range<Int> {
        write(atMost: 20) { $0.put(decimal: decimal) }
    }

    /// Appends the number as four bytes in big-endian order.
    @discardableResult
    package func append(bigEndian: Int32) -> Range<Int> {
        write(atMost: 4) { $0.put(bigEndian: bigEndian) }
    }

    /// Appends `TOPIC/PARTITION/OFFSET`.
    @discardableResult
    package func append(source: RecordSource) -> Range<Int> {
        write(atMost: source.maximumLength) { source.write(to: &$0) }
    }

    /// Appends the UTF-8 bytes as a JSON string, quotes included.
    @discardableResult
    package func append(jsonString bytes: UnsafeRawBufferPointer) -> Range<Int> {
        write(atMost: JSONEscaping.maximumLength(of: bytes.count)) { $0.put(jsonString: bytes) }
    }

    /// Appends the text as a JSON string, quotes included.
    @discardableResult
    package func append(jsonString text: String) -> Range<Int> {
        var text = text
        return text.withUTF8 { append(jsonString: UnsafeRawBufferPointer($0)) }
    }
}
