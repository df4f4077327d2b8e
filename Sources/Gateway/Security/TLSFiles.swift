import Foundation
import NIOSSL

/// Why the files named by `--tls-certificate` and `--tls-key` cannot be served with.
public struct TLSFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The setting that names the file.
    public let setting: String
    /// The file.
    public let path: String
    /// What is wrong with it, and what to do.
    public let problem: String
    /// The file cannot be read at all.
    public let isMissing: Bool

    /// One line for people.
    public var description: String { "--\(setting) \(path): \(problem)" }
}

extension GatewayConfiguration.TLS {
    /// Reads both files, and makes sure that they belong together.
    func load() throws(TLSFileError) -> TLSConfiguration {
        let chain: [NIOSSLCertificate]
        do {
            chain = try NIOSSLCertificate.fromPEMBytes(try read(certificateFile, "tls-certificate"))
        } catch let error as TLSFileError {
            throw error
        } catch {
            chain = []
        }
        guard !chain.isEmpty else {
            throw problem(
                certificateFile, "tls-certificate",
                "holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----")
        }
        let keyBytes = try read(keyFile, "tls-key")
        guard let key = try? NIOSSLPrivateKey(bytes: keyBytes, format: .pem) else {
            let isEncrypted = String(decoding: keyBytes, as: UTF8.self).contains("ENCRYPTED")
            throw problem(
                keyFile, "tls-key",
                isEncrypted
                    ? "is encrypted with a password; decrypt it with `openssl pkey -in \(keyFile) -out FILE`"
                    : "holds no private key in PEM, which begins with -----BEGIN PRIVATE KEY-----")
        }
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        tls.minimumTLSVersion = .tlsv12
        tls.applicationProtocols = ["http/1.1"]
        guard (try? NIOSSLContext(configuration: tls)) != nil else {
            throw problem(
                keyFile, "tls-key",
                "is not the key of the first certificate in \(certificateFile); give the key that it was made for")
        }
        return tls
    }

    private func read(_ path: String, _ setting: String) throws(TLSFileError) -> [UInt8] {
        guard let file = fopen(path, "r") else {
            throw TLSFileError(
                setting: setting, path: path, problem: "cannot be read: \(String(cString: strerror(errno)))",
                isMissing: true)
        }
        fclose(file)
        return FileManager.default.contents(atPath: path).map { Array($0) } ?? []
    }

    private func problem(_ path: String, _ setting: String, _ problem: String) -> TLSFileError {
        TLSFileError(setting: setting, path: path, problem: problem, isMissing: false)
    }
}
