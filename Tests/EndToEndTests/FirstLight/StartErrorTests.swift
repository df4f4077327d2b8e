import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Whatever keeps a program from starting is told in one line that names flag, value and remedy.
    @Suite("Start error") struct StartErrorTests {
        private let line = CommandLineTests()

        /// A gateway that has no broker says so in its log, which is not what these tests are about.
        private func gateway(_ arguments: String...) -> [String] {
            ["gateway", "--bootstrap-servers", "127.0.0.1:1", "--log-level", "critical"] + arguments
        }

        @Test("a port that another program has") func aPortThatAnotherProgramHas() throws {
            let (socket, port) = try LoopbackSocket.listen(port: 0)
            defer { close(socket) }
            try line.expect(
                gateway("--port", "\(port)"), code: 69, mentioning: ["--port \(port)", "127.0.0.1:\(port)", "another"])
            let stage = try Stage()
            let worker = try stage.startWorker(arguments: ["--admin-port", "\(port)"])
            #expect(try worker.wait() == 69, "\(worker.errors)")
            expectOneClearLine(worker.errors, mentioning: ["--admin-port \(port)", "127.0.0.1:\(port)", "another"])
        }

        @Test("an address that this machine does not have") func anAddressThatThisMachineDoesNotHave() throws {
            try line.expect(
                gateway("--port", "0", "--host", "192.0.2.1"), code: 64, mentioning: ["--host 192.0.2.1", "0.0.0.0"])
            try line.expect(
                gateway("--port", "0", "--host", "nosuch.invalid"), code: 64,
                mentioning: ["--host nosuch.invalid", "no such host"])
        }

        @Test("a certificate or key that cannot be served with") func aCertificateOrKeyThatCannotBeServed() throws {
            let (mine, another) = (try SelfSignedCertificate(), try SelfSignedCertificate())
            defer {
                mine.remove()
                another.remove()
            }
            let text = try CommandLineTests.file("not-a.pem", "certainly not")
            let encrypted = try CommandLineTests.file("encrypted.pem", "")
            let openssl = try Command.run(
                "/usr/bin/openssl",
                ["pkey", "-in", mine.keyFile, "-aes256", "-passout", "pass:secret", "-out", encrypted])
            #expect(openssl.status == 0, "\(openssl.errors)")
            let cases: [(certificate: String, key: String, code: Int32, mentioning: [String])] = [
                ("/no/such.pem", mine.keyFile, 66, ["--tls-certificate /no/such.pem", "No such file"]),
                (mine.certificateFile, "/no/such.pem", 66, ["--tls-key /no/such.pem", "No such file"]),
                (text, mine.keyFile, 65, ["--tls-certificate \(text)", "BEGIN CERTIFICATE"]),
                (mine.keyFile, mine.keyFile, 65, ["--tls-certificate \(mine.keyFile)", "BEGIN CERTIFICATE"]),
                (mine.certificateFile, text, 65, ["--tls-key \(text)", "BEGIN PRIVATE KEY"]),
                (mine.certificateFile, encrypted, 65, ["--tls-key \(encrypted)", "openssl pkey"]),
                (
                    mine.certificateFile, another.keyFile, 65,
                    ["--tls-key \(another.keyFile)", mine.certificateFile, "is not the key"]
                ),
            ]
            for (certificate, key, code, words) in cases {
                try line.expect(
                    gateway("--port", "0", "--tls-certificate", certificate, "--tls-key", key), code: code,
                    mentioning: words)
            }
        }

        @Test(
            "a broker that lets nobody in who comes so",
            .enabled(if: Broker.Kind.available.contains(.tansu), "an outside broker has its own settings"))
        func aBrokerThatLetsNobodyInWhoComesSo() async throws {
            let model = try SampleModel.path()
            let certificate = try SelfSignedCertificate()
            defer { certificate.remove() }
            let plain = try Broker.start(.tansu)
            let encrypted = try Broker.start(
                .tansu, arguments: ["--cert", certificate.certificateFile, "--key", certificate.keyFile])
            let guarded = try Broker.start(.tansu, arguments: ["--user", "alice:wonderland"])
            defer { for broker in [plain, encrypted, guarded] { broker.stop() } }
            func create(_ broker: Broker, _ properties: String...) -> [String] {
                ["topics", "create", "--bootstrap-servers", broker.bootstrapServers]
                    + properties.flatMap { ["--kafka", $0] }
            }
            let login = ["security.protocol=SASL_PLAINTEXT", "sasl.mechanism=PLAIN", "sasl.username=alice"]
                .flatMap { ["--kafka", $0] }
            let password = try CommandLineTests.file("password", "hunter2\n")
            let wrong =
                ["--bootstrap-servers", guarded.bootstrapServers] + login + [
                    "--kafka-secret", "sasl.password=\(password)",
                ]

            var cases: [(arguments: [String], code: Int32, words: [String])] = [
                (
                    create(encrypted), 69,
                    [encrypted.bootstrapServers, "--kafka security.protocol", "--bootstrap-servers"]
                ),
                (
                    create(plain, "security.protocol=SSL"), 69,
                    [plain.bootstrapServers, "--kafka security.protocol", "--bootstrap-servers"]
                ),
                (
                    create(encrypted, "security.protocol=SSL"), 69,
                    [encrypted.bootstrapServers, "certificate", "--kafka ssl.ca.location"]
                ),
                (
                    create(encrypted, "security.protocol=SSL", "ssl.ca.location=/no/such.pem"), 64,
                    ["ssl.ca.location", "/no/such.pem"]
                ),
            ]
            for command in [["topics", "create"], ["pipe"], ["worker", "--model", model, "--start-timeout", "3s"]] {
                cases.append(
                    (
                        command + wrong, 69,
                        [guarded.bootstrapServers, "--kafka-secret sasl.password", "Invalid username or password"]
                    ))
            }
            // What does not go together is found before anything is asked of a broker.
            for command in [["topics", "create"], ["gateway"], ["worker", "--model", model]] {
                cases.append(
                    (
                        command + ["--kafka", "security.protocol=SASL_SSL", "--kafka", "sasl.mechanism=PLAIN"], 64,
                        ["sasl.username"]
                    ))
                cases.append(
                    (
                        command + ["--kafka", "security.protocol=SSL", "--kafka", "ssl.key.pem=hunter2"], 64,
                        ["ssl.key.pem"]
                    ))
            }
            // All at once, since most try for some seconds.
            let line = line
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (arguments, code, words) in cases {
                    group.addTask {
                        try await onOwnThread { try line.expect(arguments, code: code, mentioning: words) }
                    }
                }
                try await group.waitForAll()
            }
        }

        @Test("a broker whose name nobody knows") func aBrokerWhoseNameNobodyKnows() throws {
            try line.expect(
                ["topics", "create", "--bootstrap-servers", "nosuch.invalid:9092"], code: 69,
                mentioning: ["nosuch.invalid:9092", "--bootstrap-servers"])
        }

        @Test("a file of settings that is not what it should be") func aFileOfSettingsThatIsNotWhat() throws {
            let kafka = "`kafka: {security.protocol: SASL_SSL}`"
            let secret = "`kafka-secret: {sasl.password: FILE}`"
            let cases: [(content: String, line: Int, mentioning: [String])] = [
                ("# ours\nkafka: [\"security.protocol=SASL_SSL\"]\n", 2, ["'kafka'", kafka]),
                ("kafka: security.protocol=SASL_SSL\n", 1, ["'kafka'", kafka]),
                ("kafka:\n", 1, ["'kafka'", kafka]),
                ("kafka-secret: /run/secrets/kafka\n", 1, ["'kafka-secret'", secret]),
                ("kafka:\n  sasl:\n    mechanism: PLAIN\n", 2, ["'sasl'", "a mapping"]),
                ("kafka:\n  linger.ms: 5\n  linger.ms: 6\n", 2, ["'linger.ms'", "twice"]),
                ("kafka:\n  linger.ms:\n", 2, ["'linger.ms'", "no value"]),
                ("kafka.linger.ms: 5\n", 1, ["`kafka: {linger.ms: VALUE}`"]),
                ("port: 1\nhost: x\nport: 2\n", 1, ["'port'", "twice"]),
                ("{\"port\": 1, \"port\": 2}", 1, ["'port'", "twice"]),
                ("port: null\n", 1, ["'port'", "no value"]),
                ("host: x\nport:\n", 2, ["'port'", "no value"]),
                ("port: [1]\n", 1, ["'port'", "`port: VALUE`", "a list"]),
                ("port: {a: 1}\n", 1, ["'port'", "`port: VALUE`", "a mapping"]),
                ("host: x\nport: ninety\n", 2, ["port", "'ninety'"]),
                ("host: x\nprot: 1\n", 2, ["'prot'", "did you mean port?"]),
                ("config: other.yaml\n", 1, ["--config"]),
                ("? [a]\n: 1\n", 1, ["plain word"]),
                ("host: x\nport: 1: 2\n", 2, ["YAML"]),
                ("host: x\n---\nport: 1\n", 2, ["found another document"]),
                (String(repeating: "[", count: 100_000), 1, ["YAML"]),
            ]
            for (number, test) in cases.enumerated() {
                let file = try CommandLineTests.file("shape-\(number).yaml", test.content)
                try line.expect(
                    gateway("--config", file), code: 64, mentioning: ["\(file):\(test.line): "] + test.mentioning)
            }
            let list = try CommandLineTests.file("list.yaml", "- port: 1\n")
            try line.expect(gateway("--config", list), code: 64, mentioning: [list, "`port: 8080`"])
            try line.expect(gateway("--config", "/dev/zero"), code: 64, mentioning: ["/dev/zero"])
            let pipe = CommandLineTests.folder.appending(path: "pipe").path
            #expect(mkfifo(pipe, 0o600) == 0)
            try line.expect(gateway("--config", pipe), code: 66, mentioning: [pipe])
            for (variable, example) in [
                ("TRIAGE_KAFKA", "TRIAGE_KAFKA_SECURITY_PROTOCOL=SASL_SSL"),
                ("TRIAGE_KAFKA_SECRET", "TRIAGE_KAFKA_SECRET_SASL_PASSWORD=FILE"),
            ] {
                try line.expect(
                    gateway(), environment: [variable: "security.protocol=SASL_SSL"], code: 64,
                    mentioning: ["\(variable): ", example])
            }
        }
    }
}
