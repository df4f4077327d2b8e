import Foundation

/// A connection to a server on this machine that sends what it likes, byte by byte if it wants. It blocks: for a thread of
/// its own, see ``onThread(_:)``.
package final class RawHTTPConnection {
    /// One response as it came.
    package struct Response: Equatable, Sendable {
        package var status: Int
        /// The head without the line of the date, which no two responses share.
        package var head: String
        package var body: [UInt8]

        /// The value of a field, its name in lower case; nil when it is not there.
        package func field(_ name: String) -> String? {
            for line in head.components(separatedBy: "\r\n") where line.lowercased().hasPrefix(name + ":") {
                return line.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces)
            }
            return nil
        }
    }

    /// What became of a connection.
    package enum End: Equatable, Sendable {
        /// It is still open.
        case open
        case closed
        case reset
    }

    private let socket: Int32
    private var buffer: [UInt8] = []
    private var end = End.open

    /// Connects to 127.0.0.1.
    package init(port: Int) throws {
        socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(socket, $0, size) }
        }
        guard result == 0 else {
            // The socket is closed with the connection, whose parts are all there.
            throw Failure(description: "cannot connect to port \(port): \(String(cString: strerror(errno)))")
        }
        var yes: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { Foundation.close(socket) }

    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    /// Runs `body` on a thread of its own.
    package static func onThread<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            Thread { continuation.resume(with: Swift.Result { try body() }) }.start()
        }
    }

    /// Sends all of it, unless the server has closed.
    package func send(_ text: String) { send(Array(text.utf8)) }

    package func send(_ bytes: [UInt8]) {
        var sent = 0
        bytes.withUnsafeBytes { all in
            while sent < all.count {
                let count = Foundation.send(socket, all.baseAddress! + sent, all.count - sent, Int32(MSG_NOSIGNAL))
                if count <= 0 { return }
                sent += count
            }
        }
    }

    /// Says that nothing more is sent, and goes on reading.
    package func finishSending() { shutdown(socket, Int32(SHUT_WR)) }

    /// Closes so that the server gets a reset.
    package func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Foundation.linger>.size))
        shutdown(socket, Int32(SHUT_RDWR))
    }

    /// Sets how much is taken in before it is read: with little, what the server sends soon fills its own buffers.
    package func setReceiveBuffer(bytes: Int32) {
        var size = bytes
        setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Reads the next whole response, interim ones too.
    ///
    /// - Parameter isHead: it answers `HEAD`, and so has no body whatever it says.
    /// - Returns: nil when the connection ended, or nothing came for `seconds`.
    package func response(isHead: Bool = false, within seconds: Double = 30) -> Response? {
        let deadline = Date().addingTimeInterval(seconds)
        while true {
            if let response = takeResponse(isHead: isHead) { return response }
            if end != .open || !receive(until: deadline) { return takeResponse(isHead: isHead, atEnd: true) }
        }
    }

    /// Whether the server ends the connection within so many seconds; what it still sends is thrown away.
    package func ends(within seconds: Double = 30) -> End {
        let deadline = Date().addingTimeInterval(seconds)
        while end == .open, receive(until: deadline) {}
        return end
    }

    /// Everything that was received and is no response yet.
    package var rest: [UInt8] { buffer }

    private func receive(until deadline: Date) -> Bool {
        let left = deadline.timeIntervalSinceNow
        guard left > 0 else { return false }
        var poll = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard Foundation.poll(&poll, 1, Int32(left * 1_000) + 1) > 0 else { return false }
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = recv(socket, &chunk, chunk.count, 0)
        if count > 0 { buffer += chunk[..<count] } else { end = count == 0 ? .closed : .reset }
        return true
    }

    private func takeResponse(isHead: Bool, atEnd: Bool = false) -> Response? {
        guard let headEnd = Self.find("\r\n\r\n", in: buffer[...]) else { return nil }
        let lines = String(decoding: buffer[..<headEnd], as: UTF8.self).components(separatedBy: "\r\n")
        let parts = lines[0].split(separator: " ")
        guard parts.count >= 2, let status = Int(parts[1]) else { return nil }
        var response = Response(
            status: status,
            head: lines.filter { !$0.lowercased().hasPrefix("date:") }.joined(separator: "\r\n"), body: [])
        var position = headEnd + 4
        if isHead || status < 200 || status == 204 || status == 304 {
        } else if let length = response.field("content-length").flatMap({ Int($0) }) {
            guard buffer.count >= position + length else { return nil }
            response.body = Array(buffer[position..<(position + length)])
            position += length
        } else if response.field("transfer-encoding") == "chunked" {
            while true {
                guard let line = Self.find("\r\n", in: buffer[position...]),
                    let size = Int(String(decoding: buffer[position..<line], as: UTF8.self), radix: 16),
                    buffer.count >= line + 2 + size + 2
                else { return nil }
                response.body += buffer[(line + 2)..<(line + 2 + size)]
                position = line + 2 + size + 2
                if size == 0 { break }
            }
        } else {
            guard atEnd else { return nil }
            response.body = Array(buffer[position...])
            position = buffer.count
        }
        buffer.removeFirst(position)
        return response
    }

    private static func find(_ text: String, in bytes: ArraySlice<UInt8>) -> Int? {
        let wanted = Array(text.utf8)
        var index = bytes.startIndex
        while index + wanted.count <= bytes.endIndex {
            if bytes[index] == wanted[0], bytes[index..<(index + wanted.count)].elementsEqual(wanted) { return index }
            index += 1
        }
        return nil
    }
}
