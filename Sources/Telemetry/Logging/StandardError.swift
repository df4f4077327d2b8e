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

    /// Writes the text, whole lines, so that those of several threads and processes do not mix. When nobody takes them off, as
    /// from a pipe whose reader hangs, lines are dropped and counted instead of holding up whoever has something to say, its
    /// end included. Errors are ignored: there is nowhere to report them.
    package static func write(_ text: String) { output.write(text) }
}

/// Lines to a descriptor that may take none for a while.
package final class LineOutput: Sendable {
    private struct State {
        /// The last line was not taken in time: until one is, nothing is waited for.
        var isStuck = false
        var dropped = 0
    }

    /// How long the first line waits that is not taken, in milliseconds: a reader may be busy.
    private static let patience: Int32 = 1_000
    /// What a pipe that has any room takes at once (`PIPE_BUF`).
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

    /// Whether the descriptor takes something without waiting, after so many milliseconds at the latest. One that cannot tell,
    /// or is in error, does.
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
