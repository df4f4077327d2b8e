import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Gateway TLS") struct GatewayTLSTests {
        @Test("the gateway serves HTTPS to those who trust its certificate, all on one connection")
        func theGatewayServesHTTPSToThoseWhoTrust() async throws {
            let certificate = try SelfSignedCertificate()
            defer { certificate.remove() }
            let stage = try Stage()
            let port = try freePort()
            let worker = try stage.startWorker()
            let gateway = try stage.startGateway(
                port: port,
                arguments: ["--tls-certificate", certificate.certificateFile, "--tls-key", certificate.keyFile])
            let deadline = ContinuousClock.now + .seconds(30)
            let paths = ["/api/intent?sentence=bonjour", "/health/ready", "/api/intent?sentence=bonsoir"]
            while try curl(port, ["/api/intent?sentence=bonjour"], trusting: certificate).output != "200 1" {
                guard gateway.isRunning, ContinuousClock.now < deadline else {
                    throw TimedOut(what: "an answer over HTTPS", details: gateway.errors)
                }
                try await Task.sleep(for: .milliseconds(100))
            }
            let answers = try curl(port, paths, trusting: certificate)
            #expect(answers.output == "200 1\n200 0\n200 0", "\(answers.errors)")

            let stranger = try curl(port, paths, trusting: nil)
            #expect(stranger.status == 60, "\(stranger.errors)")

            // A renewed certificate is taken up, here at once.
            let renewed = try SelfSignedCertificate()
            defer { renewed.remove() }
            for (new, old) in [
                (renewed.certificateFile, certificate.certificateFile), (renewed.keyFile, certificate.keyFile),
            ] {
                try Data(contentsOf: URL(filePath: new)).write(to: URL(filePath: old), options: .atomic)
            }
            gateway.signal(SIGHUP)
            try eventually(within: .seconds(10), "the renewed certificate", details: { gateway.errors }) {
                try curl(port, ["/health/live"], trusting: renewed).output == "200 1"
            }
            #expect(gateway.isRunning)

            gateway.signal(SIGTERM)
            #expect(try gateway.wait(within: .seconds(15)) == 0, "\(gateway.errors)")
            worker.signal(SIGTERM)
            #expect(try worker.wait(within: .seconds(15)) == 0, "\(worker.errors)")
        }

        /// Gets each path in turn; a line of the output tells its status and how many connections it took.
        private func curl(
            _ port: Int, _ paths: [String], trusting certificate: SelfSignedCertificate?
        ) throws -> Command.Outcome {
            let trust = certificate.map { ["--cacert", $0.certificateFile] } ?? []
            let transfers = paths.flatMap { ["--output", "/dev/null", "https://127.0.0.1:\(port)\($0)"] }
            return try Command.run(
                "/usr/bin/curl",
                ["--silent", "--show-error", "--write-out", "%{http_code} %{num_connects}\n"] + trust
                    + transfers)
        }
    }
}
