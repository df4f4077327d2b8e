/// Bytes that live as long as this does, as a record's do until its batch is sent.
package final class KeptBytes {
    private var kept: [UnsafeMutableRawBufferPointer] = []

    package init() {}

    deinit { for bytes in kept { bytes.deallocate() } }

    package func keep(_ text: String) -> UnsafeRawBufferPointer {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: text.utf8.count, alignment: 1)
        copy.copyBytes(from: text.utf8)
        kept.append(copy)
        return UnsafeRawBufferPointer(copy)
    }
}
