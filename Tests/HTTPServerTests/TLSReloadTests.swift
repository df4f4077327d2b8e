import Foundation
import HTTPServer
import TestSupport
import Testing

/// Certificates that change while a server runs.
@Suite("Certificates", .timeLimit(.minutes(1)))
struct TLSReloadTests {
    private func ask(_ port: Int, trusting certificate: SelfSignedCertificate) throws -> Int32 {
        try Command.run(
            "/usr/bin/curl",
            ["--silent", "--cacert", certificate.certificateFile, "https://127.0.0.1:\(port)/health/live"]
        ).status
    }

    @Test func givesNewConnectionsTheNewCertificate() async throws {
        let (first, second) = (try SelfSignedCertificate(), try SelfSignedCertificate())
        defer {
            first.remove()
            second.remove()
        }
        let used = try SelfSignedCertificate()
        defer { used.remove() }
        let files = TLSFiles(certificate: used.certificateFile, privateKey: used.keyFile)
        @Sendable func use(_ certificate: SelfSignedCertificate) throws {
            try Data(contentsOf: URL(filePath: certificate.certificateFile)).write(to: URL(filePath: files.certificate))
            try Data(contentsOf: URL(filePath: certificate.keyFile)).write(to: URL(filePath: files.privateKey))
        }
        try use(first)
        let tls = try ReloadableTLS(files)
        try await TestServer.run(tls: tls) { server in
            #expect(try ask(server.port, trusting: first) == 0)
            #expect(try !tls.reload())
            // A key that is another certificate's: the old pair stays.
            try Data(contentsOf: URL(filePath: second.keyFile)).write(to: URL(filePath: files.privateKey))
            #expect(throws: HTTPServerError.self) { try tls.reload() }
            #expect(try ask(server.port, trusting: first) == 0)
            try use(second)
            #expect(try tls.reload())
            #expect(try ask(server.port, trusting: second) == 0)
            #expect(try ask(server.port, trusting: first) == 60)
            try Data("nothing".utf8).write(to: URL(filePath: files.certificate))
            #expect(throws: HTTPServerError.self) { try tls.reload(always: true) }
            #expect(try ask(server.port, trusting: second) == 0)
        }
    }

    @Test func saysWhichFileIsWrong() throws {
        let certificate = try SelfSignedCertificate()
        defer { certificate.remove() }
        let other = try SelfSignedCertificate()
        defer { other.remove() }
        for (files, expected) in [
            (
                TLSFiles(certificate: "/nowhere/c.pem", privateKey: certificate.keyFile),
                "/nowhere/c.pem: cannot be read"
            ),
            (
                TLSFiles(certificate: certificate.keyFile, privateKey: certificate.keyFile),
                "holds no certificate in PEM"
            ),
            (
                TLSFiles(certificate: certificate.certificateFile, privateKey: "/nowhere/k.pem"),
                "/nowhere/k.pem: cannot be read"
            ),
            (
                TLSFiles(certificate: certificate.certificateFile, privateKey: other.keyFile),
                "is not the key of the first certificate"
            ),
        ] {
            let error = #expect(throws: HTTPServerError.self) { try ReloadableTLS(files) }
            #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
        }
    }
}
