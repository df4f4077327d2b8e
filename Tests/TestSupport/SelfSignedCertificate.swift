import Foundation

/// A certificate for this machine that nobody but itself has signed, with its key, in a folder of its own.
public struct SelfSignedCertificate: Sendable {
    /// Why none could be made.
    public struct NotMade: Error, CustomStringConvertible {
        /// What openssl said.
        public let description: String
    }

    private let folder: URL

    /// Makes one with the machine's openssl.
    public init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: uniqueName("triage-tls"))
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let outcome = try Command.run(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", keyFile, "-out", certificateFile,
            ])
        guard outcome.status == 0 else { throw NotMade(description: outcome.errors) }
    }

    /// The path of the certificate, in PEM.
    public var certificateFile: String { folder.appending(path: "certificate.pem").path }

    /// The path of its private key, in PEM.
    public var keyFile: String { folder.appending(path: "key.pem").path }

    /// Deletes both.
    public func remove() { try? FileManager.default.removeItem(at: folder) }
}
