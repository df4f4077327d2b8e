/// The settings of a server.
package struct HTTPServerConfiguration: Sendable {
    /// The server's name in log lines, such as `gateway`.
    package var name: String
    /// The address to listen on.
    package var host: String
    /// The port to listen on; 0 picks a free one.
    package var port: Int
    /// The certificate and key for HTTPS; nil serves plain HTTP.
    package var tls: TLSFiles?
    /// The largest request head, in bytes.
    package var maximumHeaderBytes = 32 * 1_024
    /// The largest body, in bytes after decompression. Streams are not limited.
    package var maximumBodyBytes = 4 * 1_024 * 1_024
    /// The maximum number of open connections. Capped by the file descriptor limit, less a reserve.
    package var maximumConnections = 16_384
    /// The memory limit for all bodies and unsent responses together, in bytes.
    package var maximumHeldBytes = 64 * 1_024 * 1_024
    /// How long a connection may stay idle between requests.
    package var idleTimeout = Duration.seconds(60)
    /// How long a client may take for a TLS handshake, and to send a request's head.
    package var headTimeout = Duration.seconds(10)
    /// How long a client may take to send a request's body.
    package var bodyTimeout = Duration.seconds(20)
    /// How long a client may take to read a response.
    package var writeTimeout = Duration.seconds(30)
    /// How long a graceful shutdown may take. Requests that are still unanswered are cut off.
    package var shutdownTimeout = Duration.seconds(8)

    package init(name: String, host: String, port: Int) {
        self.name = name
        self.host = host
        self.port = port
    }
}

/// A certificate or key that the server cannot use.
package struct HTTPServerError: Error, Sendable, CustomStringConvertible {
    package enum Reason: Sendable {
        /// The certificate cannot be used.
        case certificate
        /// The private key cannot be used, or does not match the certificate.
        case privateKey
    }

    package let reason: Reason
    /// The path of the file.
    package let path: String
    /// What is wrong with it, and how to fix it.
    package let problem: String
    /// Whether the file could not be read at all.
    package let isMissing: Bool

    init(_ reason: Reason, _ path: String, _ problem: String, isMissing: Bool = false) {
        self.reason = reason
        self.path = path
        self.problem = problem
        self.isMissing = isMissing
    }

    /// A one-line message.
    package var description: String { "\(path): \(problem)" }
}
