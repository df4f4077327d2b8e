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

    @Test("gives new connections the new certificate") func givesNewConnectionsTheNewCertificate() async throws {
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

    @Test("keeps secrets forward") func keepsSecretsForward() async throws {
        let certificate = try SelfSignedCertificate()
        defer { certificate.remove() }
        let tls = try ReloadableTLS(
            TLSFiles(certificate: certificate.certificateFile, privateKey: certificate.keyFile))
        try await TestServer.run(tls: tls) { server in
            func ask(_ arguments: String...) throws -> Command.Outcome {
                try Command.run(
                    "/usr/bin/curl",
                    ["--silent", "--include", "--cacert", certificate.certificateFile] + arguments
                        + ["https://127.0.0.1:\(server.port)/health/live"])
            }
            let modern = try ask("--tlsv1.3")
            #expect(modern.status == 0)
            // So that a browser that was here once does not come without TLS.
            #expect(modern.output.lowercased().contains("\r\nstrict-transport-security: max-age=31536000\r\n"))
            // With the key that the certificate has, this one has forward secrecy and the others have not.
            #expect(try ask("--tls-max", "1.2", "--ciphers", "ECDHE-RSA-AES128-GCM-SHA256").status == 0)
            for suite in ["AES128-GCM-SHA256", "AES256-SHA", "ECDHE-RSA-AES128-SHA"] {
                #expect(try ask("--tls-max", "1.2", "--ciphers", suite).status == 35, "\(suite)")
            }
        }
    }

    @Test("closes a connection whose handshake stands still") func closesAConnectionWhoseHandshakeStandsStill()
        async throws
    {
        let certificate = try SelfSignedCertificate()
        defer { certificate.remove() }
        let tls = try ReloadableTLS(
            TLSFiles(certificate: certificate.certificateFile, privateKey: certificate.keyFile))
        // The time-out for a connection without a request would be a minute.
        try await TestServer.run(tls: tls, { $0.headTimeout = .milliseconds(200) }) { server in
            for hello in [[], [22, 3, 1, 2, 0, 1]] as [[UInt8]] {
                let connection = try RawHTTPConnection(port: server.port)
                connection.send(hello)
                #expect(connection.ends(within: 20) == .closed)
            }
        }
    }

    @Test("reads nothing that may have no end") func readsNothingThatMayHaveNoEnd() throws {
        let certificate = try SelfSignedCertificate()
        defer { certificate.remove() }
        let pipe = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        #expect(mkfifo(pipe, 0o600) == 0)
        defer { unlink(pipe) }
        let files = TLSFiles(certificate: certificate.certificateFile, privateKey: pipe)
        let error = #expect(throws: HTTPServerError.self) { try ReloadableTLS(files) }
        #expect(error?.description == "\(pipe): is not a regular file")
    }

    @Test("says which file is wrong") func saysWhichFileIsWrong() throws {
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
