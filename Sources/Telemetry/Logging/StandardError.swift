import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Standard error.
package enum StandardError {
    private static let output = LineOutput(descriptor: STDERR_FILENO)

    /// Writes whole lines, so that those of several threads and processes do not mix. If nobody reads them, as with a
    /// pipe whose reader hangs, lines are dropped and counted, so that no thread blocks, not even at exit. Errors are
    /// ignored: there is nowhere to report them.
    package static func write(_ text: String) { output.write(text) }
}

/// Writes lines to a descriptor that may block for a while.
package final class LineOutput: Sendable {
    private struct State {
        /// The last line timed out: until one is written, nothing is waited for.
        var isStuck = false
        var dropped = 0
    }

    /// How long the first blocked line waits, in milliseconds: a reader may be busy.
    private static let patience: Int32 = 1_000
    /// What a pipe with any room accepts at once (`PIPE_BUF`).
    private static let piece = 4_096

    private let descriptor: Int32
    private let state = Mutex(State())

    package init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    package func write(_ text: String) {
        var text = text
        state.withLock { state in
            guard hasRoom(within: state.isStuck ? 0 : Self.patience) else {
                state.isStuck = true
                state.dropped += 1
                return
            }
            state.isStuck = false
            if state.dropped > 0 {
                text = "\(state.dropped) lines were not written here, since nobody read them\n" + text
                state.dropped = 0
            }
            text.withUTF8 { bytes in
                var rest = UnsafeRawBufferPointer(bytes)
                while !rest.isEmpty {
                    let written = system(rest.prefix(Self.piece))
                    if written < 0, errno == EINTR { continue }
                    guard written > 0 else { return }
                    rest = UnsafeRawBufferPointer(rebasing: rest[written...])
                    guard rest.isEmpty || hasRoom(within: Self.patience) else {
                        state.isStuck = true
                        return
                    }
                }
            }
        }
    }

    /// Whether the descriptor becomes writable within so many milliseconds. One that cannot be polled, or is in error,
    /// counts as writable.
    private func hasRoom(within milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        var result: Int32
        repeat { result = poll(&entry, 1, milliseconds) } while result < 0 && errno == EINTR
        return result != 0
    }

    private func system(_ bytes: Slice<UnsafeRawBufferPointer>) -> Int {
        let bytes = UnsafeRawBufferPointer(rebasing: bytes)
        #if canImport(Glibc)
            return Glibc.write(descriptor, bytes.baseAddress!, bytes.count)
        #elseif canImport(Musl)
            return Musl.write(descriptor, bytes.baseAddress!, bytes.count)
        #elseif canImport(Darwin)
            return Darwin.write(descriptor, bytes.baseAddress!, bytes.count)
        #endif
    }
}
