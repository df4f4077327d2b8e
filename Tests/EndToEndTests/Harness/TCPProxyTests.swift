import Foundation
import Testing

/// What breaks connections must itself be reliable.
@Suite("TCP proxy") struct TCPProxyTests {
    /// A proxy in front of a listener, and one connection through it.
    private struct Line {
        let proxy: TCPProxy
        let client: Int32
        let server: Int32

        init() throws {
            let (listener, port) = try LoopbackSocket.listen(port: 0)
            defer { close(listener) }
            proxy = try TCPProxy()
            proxy.forward(to: port)
            client = try #require(LoopbackSocket.connect(to: proxy.port))
            server = accept(listener, nil, nil)
            // No test waits longer than this.
            for socket in [client, server] {
                var limit = timeval(tv_sec: 5, tv_usec: 0)
                setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            }
        }

        func end() {
            proxy.close()
            for socket in [client, server] { close(socket) }
        }

        /// What arrives next; empty at the end of the connection, nil when nothing comes.
        func receive(at socket: Int32, flags: Int32 = 0) -> [UInt8]? {
            var buffer = [UInt8](repeating: 0, count: 1_024)
            let count = recv(socket, &buffer, buffer.count, flags)
            return count < 0 ? nil : Array(buffer[..<count])
        }
    }

    @Test("bytes go through in both directions") func bytesGoThroughInBothDirections() throws {
        let line = try Line()
        defer { line.end() }
        #expect(LoopbackSocket.send([1, 2, 3], to: line.client))
        #expect(line.receive(at: line.server) == [1, 2, 3])
        #expect(LoopbackSocket.send([4, 5], to: line.server))
        #expect(line.receive(at: line.client) == [4, 5])
    }

    @Test("a cut ends the connection on both sides") func aCutEndsTheConnectionOnBothSides() throws {
        let line = try Line()
        defer { line.end() }
        #expect(LoopbackSocket.send([1], to: line.client))
        #expect(line.receive(at: line.server) == [1])
        line.proxy.cut()
        #expect(line.receive(at: line.client) == [])
        #expect(line.receive(at: line.server) == [])
    }

    @Test("what is sent in a stall arrives after it") func whatIsSentInAStallArrivesAfter() throws {
        let line = try Line()
        defer { line.end() }
        line.proxy.stall()
        #expect(LoopbackSocket.send([7], to: line.client))
        usleep(50_000)
        #expect(line.receive(at: line.server, flags: Int32(MSG_DONTWAIT)) == nil)
        line.proxy.resume()
        #expect(line.receive(at: line.server) == [7])
    }

    @Test("a cut in a stall ends the connection") func aCutInAStallEndsTheConnection() throws {
        let line = try Line()
        defer { line.end() }
        line.proxy.stall()
        #expect(LoopbackSocket.send([7], to: line.client))
        usleep(50_000)
        line.proxy.cut()
        #expect(line.receive(at: line.client) == [])
        line.proxy.resume()
    }

    @Test("delayed bytes arrive later") func delayedBytesArriveLater() throws {
        let line = try Line()
        defer { line.end() }
        line.proxy.delay(by: .milliseconds(80))
        let start = ContinuousClock.now
        #expect(LoopbackSocket.send([9], to: line.client))
        #expect(line.receive(at: line.server) == [9])
        #expect(ContinuousClock.now - start >= .milliseconds(80))
    }
}
