/// What can be set about a server.
package struct HTTPServerConfiguration: Sendable {
    /// What log lines call it, such as `gateway`.
    package var name: String
    /// The address to listen on.
    package var host: String
    /// The port to listen on; 0 takes any that is free.
    package var port: Int
    /// The certificate and key to serve HTTPS with; nil serves HTTP.
    package var tls: TLSFiles?
    /// The largest request head, in bytes.
    package var maximumHeaderBytes = 32 * 1_024
    /// The largest body, in bytes and decompressed, but for streams, which have no end.
    package var maximumBodyBytes = 4 * 1_024 * 1_024
    /// How many connections may be open. As many as there are file descriptors for, less a reserve, when that is fewer.
    package var maximumConnections = 16_384
    /// How many bytes all bodies and unsent responses may have together.
    package var maximumHeldBytes = 64 * 1_024 * 1_024
    /// How long a connection may be open without a request.
    package var idleTimeout = Duration.seconds(60)
    /// How long a client may take over a TLS handshake, and to send a request's head.
    package var headTimeout = Duration.seconds(10)
    /// How long a client may take to send a request's body.
    package var bodyTimeout = Duration.seconds(20)
    /// How long a client may leave the response unread.
    package var writeTimeout = Duration.seconds(30)
    /// How long the end may take: what is not answered by then is cut off.
    package var shutdownTimeout = Duration.seconds(8)

    package init(name: String, host: String, port: Int) {
        self.name = name
        self.host = host
        self.port = port
    }
}

/// Why a server cannot serve with its files.
package struct HTTPServerError: Error, Sendable, CustomStringConvertible {
    package enum Reason: Sendable {
        /// The certificate cannot be used.
        case certificate
        /// The private key cannot be used, or is not the certificate's.
        case privateKey
    }

    package let reason: Reason
    /// The file.
    package let path: String
    /// What is wrong with it, and what to do.
    package let problem: String
    /// The file cannot be read at all.
    package let isMissing: Bool

    init(_ reason: Reason, _ path: String, _ problem: String, isMissing: Bool = false) {
        self.reason = reason
        self.path = path
        self.problem = problem
        self.isMissing = isMissing
    }

    /// One line for people.
    package var description: String { "\(path): \(problem)" }
}
