import Foundation

/// The few calls that a TCP relay needs, on 127.0.0.1.
enum LoopbackSocket {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Listens on a port, 0 taking a free one.
    static func listen(port: UInt16) throws -> (socket: Int32, port: UInt16) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = address(port: port)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening =
            withSocketAddress(&address) { bind(listener, $0, size) } == 0 && Foundation.listen(listener, 64) == 0
            && withSocketAddress(&address) { getsockname(listener, $0, &size) } == 0
        guard isListening else {
            throw Failure(description: "cannot listen on port \(port): \(String(cString: strerror(errno)))")
        }
        return (listener, UInt16(bigEndian: address.sin_port))
    }

    /// Nil if nobody listens there.
    static func connect(to port: UInt16) -> Int32? {
        let upstream = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = address(port: port)
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        guard withSocketAddress(&address, { Foundation.connect(upstream, $0, size) }) == 0 else {
            close(upstream)
            return nil
        }
        sendAtOnce(upstream)
        return upstream
    }

    /// Small chunks do not wait for the acknowledgement of those before.
    static func sendAtOnce(_ socket: Int32) {
        var yes: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }

    /// False if the other side has gone.
    static func send(_ bytes: ArraySlice<UInt8>, to socket: Int32) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var remaining = bytes[...]
            while let start = UnsafeRawBufferPointer(rebasing: remaining).baseAddress, !remaining.isEmpty {
                let count = Foundation.send(socket, start, remaining.count, Int32(MSG_NOSIGNAL))
                guard count > 0 else { return false }
                remaining = remaining.dropFirst(count)
            }
            return true
        }
    }

    private static func address(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func withSocketAddress<Result>(
        _ address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>) -> Result
    ) -> Result {
        withUnsafeMutablePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1, body) }
    }
}
