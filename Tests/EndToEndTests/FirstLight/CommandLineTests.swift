import Foundation
import Kafka
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Command line") struct CommandLineTests {
        static let folder = SampleModel.folder

        static func file(_ name: String, _ contents: String) throws -> String {
            let url = folder.appending(path: name)
            try contents.write(to: url, atomically: true, encoding: .utf8)
            return url.path
        }

        func expect(
            _ arguments: [String], environment: [String: String] = [:], code: Int32, mentioning words: [String],
            sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            let process = try TriageProcess(arguments, environment: environment)
            process.closeInput()
            #expect(try process.wait(within: .seconds(60)) == code, "\(process.errors)", sourceLocation: sourceLocation)
            expectOneClearLine(process.errors, mentioning: words, sourceLocation: sourceLocation)
            #expect(process.output.isEmpty, sourceLocation: sourceLocation)
        }

        @Test(
            "an unknown flag",
            arguments: [
                ["worker"], ["gateway"], ["train", "--data", "a", "--output", "b"], ["evaluate", "--data", "a"],
                ["classify", "--model", "a"], ["pipe"], ["topics", "create"],
            ])
        func anUnknownFlag(command: [String]) throws {
            try expect(command + ["--no-such-flag", "1"], code: 64, mentioning: ["--no-such-flag"])
        }

        @Test("a required flag that is missing") func aRequiredFlagThatIsMissing() throws {
            try expect(["train", "--output", "a"], code: 64, mentioning: ["--data"])
            try expect(["worker"], code: 64, mentioning: ["--model"])
        }

        @Test("an unknown command") func anUnknownCommand() throws {
            try expect(["clasify"], code: 64, mentioning: ["clasify"])
        }

        @Test("an invalid flag") func anInvalidFlag() throws {
            let model = try SampleModel.path()
            try expect(
                ["worker", "--model", model, "--delivery", "twice"], code: 64, mentioning: ["delivery", "twice"])
            try expect(
                ["worker", "--model", model, "--lanes", "fast"], code: 64,
                mentioning: ["--lanes", "fast", "both, bulk, interactive"])
            try expect(["gateway", "--port", "ninety"], code: 64, mentioning: ["port", "ninety"])
            try expect(
                ["worker", "--model", model, "--kafka", "no.such.property=1"], code: 64,
                mentioning: ["no.such.property"])
        }

        @Test("an unknown or invalid setting of the environment") func anUnknownOrInvalidSettingOfTheEnvironment()
            throws
        {
            let model = try SampleModel.path()
            try expect(
                ["worker", "--model", model], environment: ["TRIAGE_NO_SUCH_SETTING": "1"], code: 64,
                mentioning: ["TRIAGE_NO_SUCH_SETTING"])
            try expect(["gateway"], environment: ["TRIAGE_PORT": "ninety"], code: 64, mentioning: ["ninety"])
        }

        @Test("an unknown or invalid setting of a file") func anUnknownOrInvalidSettingOfAFile() throws {
            let model = try SampleModel.path()
            let unknown = try Self.file("unknown.yaml", "no-such-setting: 1\n")
            try expect(
                ["worker", "--model", model, "--config", unknown], code: 64, mentioning: ["no-such-setting"])
            let invalid = try Self.file("invalid.json", "{\"port\": \"ninety\"}")
            try expect(["gateway", "--config", invalid], code: 64, mentioning: ["ninety"])
            let broken = try Self.file("broken.json", "{\"port\": ")
            try expect(["gateway", "--config", broken], code: 64, mentioning: ["broken.json"])
            try expect(
                ["gateway", "--config", "/no/such/file.yaml"], code: 66, mentioning: ["/no/such/file.yaml"])
        }

        @Test("a model that is missing, truncated or none at all") func aModelThatIsMissingTruncatedOrNone() throws {
            let model = try SampleModel.path()
            let truncated = Self.folder.appending(path: "truncated.model")
            try Data(contentsOf: URL(filePath: model)).dropLast(100).write(to: truncated)
            let foreign = try Self.file("foreign.model", String(repeating: "not a model ", count: 1_000))
            for command in ["worker", "classify"] {
                try expect(
                    [command, "--model", "/no/such.model"], code: 66, mentioning: ["/no/such.model"])
                try expect([command, "--model", truncated.path], code: 65, mentioning: ["truncated.model"])
                try expect([command, "--model", foreign], code: 65, mentioning: ["foreign.model"])
            }
        }

        @Test("a pipe in the place of a model") func aPipeInThePlaceOfAModel() throws {
            let pipe = Self.folder.appending(path: "pipe.model").path
            #expect(mkfifo(pipe, 0o600) == 0)
            let data = try Self.file("pipe.tsv", "label\ttext\na\tb\n")
            for command in [["worker"], ["classify"], ["evaluate", "--data", data]] {
                try expect(command + ["--model", pipe], code: 65, mentioning: ["pipe.model", "is not a regular file"])
            }
        }

        /// Some terminals obey characters from U+0080 to U+009F as they do those that begin with ESC.
        @Test("nothing paints over a terminal") func nothingPaintsOverATerminal() throws {
            let name = "a\u{9B}31m\u{1B}[31mb"
            try expect(
                ["classify", "--model", "/no/\(name)"], code: 66, mentioning: [#"/no/a\u009b31m\u001b[31mb"#])
            let rows = (0..<20).map { "train \($0)\ta\nhotel \($0)\tb\n" }.joined()
            let data = try Self.file("painting.tsv", "text\tlabel\n" + rows)
            let model = Self.folder.appending(path: "painting.model").path
            for arguments in [
                ["train", "--name", "x\u{85}y", "--data", data, "--output", model],
                ["classify", "--model", model, "train"],
                ["evaluate", "--model", model, "--data", data],
            ] {
                let process = try TriageProcess(arguments)
                process.closeInput()
                #expect(try process.wait() == 0, "\(process.errors)")
                let shown = process.output + process.errors
                #expect(shown.contains(#"x\u0085y"#), "\(shown)")
                #expect(!shown.unicodeScalars.contains { 0x7F...0x9F ~= $0.value })
            }
        }

        @Test("the version, with the commit when the build was told it") func theVersionWithTheCommitWhenTheBuildWas()
            throws
        {
            let process = try TriageProcess(["--version"])
            process.closeInput()
            #expect(try process.wait() == 0)
            let version = #/triage \d+\.\d+\.\d+(?: \((.+)\))?, librdkafka (\d+\.\d+\.\d+)\n/#
            let parts = try #require(process.output.wholeMatch(of: version))
            #expect(parts.1.map(String.init) ?? "" == ProcessInfo.processInfo.environment["SOURCE_COMMIT"] ?? "")
            #expect(String(parts.2) == KafkaLibrary.version)
        }

        /// Two that have something to say, one when it ends and one all the time.
        @Test("an end that nobody is there to read of") func anEndThatNobodyIsThereToRead() async throws {
            for command in [["gateway", "--port", "0"], ["worker", "--model", try SampleModel.path()]] {
                try await withRefusingPort { port in
                    let process = Process()
                    process.executableURL = TriageProcess.executable
                    process.arguments = command + ["--bootstrap-servers", "127.0.0.1:\(port)", "--log-level", "trace"]
                    let errors = Pipe()
                    fill(errors)
                    process.standardError = errors
                    try MockCluster.startProgram { try process.run() }
                    defer { kill(process.processIdentifier, SIGKILL) }
                    // Until it has met the full pipe there is nothing to see.
                    try await Task.sleep(for: .seconds(2))
                    kill(process.processIdentifier, SIGTERM)
                    try eventually(within: .seconds(30), "the end of triage \(command[0])") { !process.isRunning }
                    #expect(process.terminationReason == .exit)
                }
            }
        }

        private func fill(_ pipe: Pipe) {
            let end = pipe.fileHandleForWriting.fileDescriptor
            let flags = fcntl(end, F_GETFL)
            _ = fcntl(end, F_SETFL, flags | O_NONBLOCK)
            let bytes = [UInt8](repeating: UInt8(ascii: "."), count: 4_096)
            while write(end, bytes, bytes.count) > 0 {}
            _ = fcntl(end, F_SETFL, flags)
        }

        @Test("no broker") func noBroker() async throws {
            let model = try SampleModel.path()
            try await withRefusingPort { port in
                let address = "127.0.0.1:\(port)"
                let server = ["--bootstrap-servers", address]
                try expect(["topics", "create"] + server, code: 69, mentioning: [address])
                try expect(
                    ["worker", "--model", model, "--start-timeout", "3s"] + server, code: 69, mentioning: [address])
            }
        }

        @Test("training data that is missing or broken") func trainingDataThatIsMissingOrBroken() throws {
            let output = Self.folder.appending(path: "never.model").path
            try expect(
                ["train", "--data", "/no/such.json", "--output", output], code: 66, mentioning: ["/no/such.json"])
            let broken = try Self.file("broken.jsonl", "{\"text\":\"bonjour\",\"label\":\"a\"}\n{\"text\":\n")
            try expect(["train", "--data", broken, "--output", output], code: 65, mentioning: ["broken.jsonl"])
            #expect(!FileManager.default.fileExists(atPath: output))
        }
    }
}
