import NIOCore
import NIOSSL
import Platform
import Synchronization

/// The PEM files of a certificate and its key.
package struct TLSFiles: Sendable {
    /// The file with the certificate chain.
    package var certificate: String
    /// The file with the private key.
    package var privateKey: String

    /// Does not read the files.
    package init(certificate: String, privateKey: String) {
        self.certificate = certificate
        self.privateKey = privateKey
    }
}

/// The certificate for new connections. Open connections keep theirs after a reload.
package final class ReloadableTLS: Sendable {
    private struct State {
        var context: NIOSSLContext
        var stamps: [FileStamp?]
    }

    package let files: TLSFiles
    private let state: Mutex<State>

    /// Reads both files.
    package init(_ files: TLSFiles) throws(HTTPServerError) {
        self.files = files
        let stamps = Self.stamps(files)
        state = Mutex(State(context: try Self.load(files), stamps: stamps))
    }

    /// The context for a new connection.
    var context: NIOSSLContext { state.withLock { $0.context } }

    /// Reloads both files if one has changed, or always if `always` is true.
    ///
    /// - Returns: whether they were reloaded.
    /// - Throws: if they cannot be used; the previous certificate stays in use.
    package func reload(always: Bool = false) throws(HTTPServerError) -> Bool {
        let stamps = Self.stamps(files)
        if !always, state.withLock({ $0.stamps == stamps }) { return false }
        // Stored before loading, so that a partly written file is retried only when it changes again.
        state.withLock { $0.stamps = stamps }
        let context = try Self.load(files)
        state.withLock { $0.context = context }
        return true
    }

    private static func stamps(_ files: TLSFiles) -> [FileStamp?] {
        [FileStamp(path: files.certificate), FileStamp(path: files.privateKey)]
    }

    private static func load(_ files: TLSFiles) throws(HTTPServerError) -> NIOSSLContext {
        let chain = try read(files.certificate, .certificate)
        let certificates = try? NIOSSLCertificate.fromPEMBytes(chain)
        guard let certificates, !certificates.isEmpty else {
            throw HTTPServerError(
                .certificate, files.certificate,
                "holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----")
        }
        let bytes = try read(files.privateKey, .privateKey)
        guard let key = try? NIOSSLPrivateKey(bytes: bytes, format: .pem) else {
            let isEncrypted = String(decoding: bytes, as: UTF8.self).contains("ENCRYPTED")
            throw HTTPServerError(
                .privateKey, files.privateKey,
                isEncrypted
                    ? "is encrypted with a password; decrypt it with `openssl pkey -in \(files.privateKey) -out FILE`"
                    : "holds no private key in PEM, which begins with -----BEGIN PRIVATE KEY-----")
        }
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificates.map { .certificate($0) }, privateKey: .privateKey(key))
        tls.minimumTLSVersion = .tlsv12
        // For TLS 1.2, only cipher suites with forward secrecy.
        tls.cipherSuites = "ECDHE+AESGCM:ECDHE+CHACHA20"
        tls.applicationProtocols = ["http/1.1"]
        // A client that does not answer the TLS close must not delay the shutdown.
        tls.shutdownTimeout = .seconds(1)
        guard let context = try? NIOSSLContext(configuration: tls) else {
            throw HTTPServerError(
                .privateKey, files.privateKey,
                "is not the key of the first certificate in \(files.certificate); give the key that it was made for")
        }
        return context
    }

    private static func read(_ path: String, _ reason: HTTPServerError.Reason) throws(HTTPServerError) -> [UInt8] {
        do throws(RegularFile.Failure) {
            return try RegularFile.contents(path)
        } catch {
            throw HTTPServerError(reason, path, error.reason, isMissing: true)
        }
    }
}
