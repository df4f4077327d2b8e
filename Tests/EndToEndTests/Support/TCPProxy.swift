import Foundation
import Synchronization

/// A TCP relay on the loopback interface that breaks the connections that go through it: cuts, stalls and delays them.
///
/// Two threads serve a connection. A broker must advertise the proxy's address, or clients go round it.
final class TCPProxy: Sendable {
    private struct State {
        var upstreamPort: UInt16?
        var sockets: Set<Int32> = []
        var isStalled = false
        var delay: UInt32 = 0
        var isClosed = false
        var cuts = 0
    }

    /// The port that clients connect to.
    let port: UInt16
    private let listener: Int32
    private let state = Mutex(State())

    /// Listens on a port, 0 taking a free one. Connections are closed at once until ``forward(to:)``.
    init(port: UInt16 = 0) throws {
        let (listener, port) = try LoopbackSocket.listen(port: port)
        self.listener = listener
        self.port = port
        Thread.detachNewThread { [self] in accept() }
    }

    /// Sets the port of 127.0.0.1 that connections go to.
    func forward(to port: UInt16) { state.withLock { $0.upstreamPort = port } }

    /// Ends every connection that there is. New ones are taken.
    func cut() {
        // Under the lock: a socket in the set is open, so its number is nobody else's.
        state.withLock { state in
            for socket in state.sockets { shutdown(socket, Int32(SHUT_RDWR)) }
            state.cuts += 1
        }
    }

    /// Keeps connections open, and takes new ones, but lets nothing through in either direction until ``resume()``.
    func stall() { state.withLock { $0.isStalled = true } }

    func resume() { state.withLock { $0.isStalled = false } }

    /// Holds every chunk of bytes (at most 64 KiB) back by so much, in each direction.
    func delay(by duration: Duration) {
        let microseconds = UInt32(duration / .microseconds(1))
        state.withLock { $0.delay = microseconds }
    }

    /// Ends everything, the port is free again.
    func close() {
        state.withLock { $0.isClosed = true }
        shutdown(listener, Int32(SHUT_RDWR))
        cut()
    }

    private func accept() {
        defer { Foundation.close(listener) }
        while true {
            let client = Foundation.accept(listener, nil, nil)
            guard client >= 0 else {
                if errno == EINTR || errno == ECONNABORTED { continue }
                return
            }
            guard let port = state.withLock({ $0.isClosed ? nil : $0.upstreamPort }),
                let upstream = LoopbackSocket.connect(to: port)
            else {
                Foundation.close(client)
                continue
            }
            LoopbackSocket.sendAtOnce(client)
            state.withLock { _ = ($0.sockets.insert(client), $0.sockets.insert(upstream)) }
            let connection = Connection()
            Thread.detachNewThread { [self] in relay(connection, from: client, to: upstream) }
            Thread.detachNewThread { [self] in relay(connection, from: upstream, to: client) }
        }
    }

    /// Counts the threads of a connection; whichever ends last closes its sockets.
    private final class Connection: Sendable {
        private let open = Mutex(2)

        /// True for the second of the two callers.
        func leave() -> Bool {
            open.withLock {
                $0 -= 1
                return $0 == 0
            }
        }
    }

    private func relay(_ connection: Connection, from source: Int32, to destination: Int32) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let cuts = state.withLock { $0.cuts }
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            let delay = state.withLock { $0.delay }
            if delay > 0 { usleep(delay) }
            while state.withLock({ $0.isStalled && !$0.isClosed && $0.cuts == cuts }) { usleep(5_000) }
            guard LoopbackSocket.send(buffer[..<count], to: destination) else { break }
        }
        shutdown(source, Int32(SHUT_RDWR))
        shutdown(destination, Int32(SHUT_RDWR))
        guard connection.leave() else { return }
        state.withLock {
            _ = ($0.sockets.remove(source), $0.sockets.remove(destination))
            Foundation.close(source)
            Foundation.close(destination)
        }
    }
}
