import Glibc

/// A TCP port on 127.0.0.1 that nobody listens on just now. Somebody else may take it first: prefer to bind to 0, and
/// where nobody is to answer, use `withRefusingPort`.
public func freePort() throws -> Int {
    let (descriptor, port) = try boundSocket()
    close(descriptor)
    return port
}

/// Runs the body with a TCP port on 127.0.0.1 that refuses connections meanwhile: it is bound, so nobody else gets it, and
/// nobody listens on it.
public func withRefusingPort<Result>(_ body: (_ port: Int) async throws -> Result) async throws -> Result {
    let (descriptor, port) = try boundSocket()
    defer { close(descriptor) }
    return try await body(port)
}

private func boundSocket() throws -> (descriptor: Int32, port: Int) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw BrokerError(message: "no socket") }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(UInt32(0x7f00_0001).bigEndian)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
            bind(descriptor, generic, length) == 0 && getsockname(descriptor, generic, &length) == 0
        }
    }
    guard isBound else {
        close(descriptor)
        throw BrokerError(message: "no free port")
    }
    return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
}
