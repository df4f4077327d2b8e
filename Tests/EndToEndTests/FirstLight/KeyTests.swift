import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// API keys are changed by people, often as root, beside a gateway that runs as another user.
    @Suite("Key") struct KeyTests {
        /// Who runs the gateway: `nobody` where the tests may choose.
        private static let user: UInt32? = geteuid() == 0 ? 65_534 : nil

        private let folder = FileManager.default.temporaryDirectory.appending(path: uniqueName("triage-keys"))
        private var file: String { folder.appending(path: "keys").path }

        init() throws {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }

        private func keys(_ command: String, _ name: String...) throws -> TriageProcess {
            let process = try TriageProcess(["keys", command, "--api-keys", file] + name)
            process.closeInput()
            return process
        }

        private func end(_ process: TriageProcess) throws -> String {
            #expect(try process.wait() == 0, "\(process.errors)")
            return process.output.trimmingCharacters(in: .newlines)
        }

        private func expect(_ status: UInt, _ client: WebClient, _ keys: [String]) async throws {
            for key in keys { #expect(try await client.status(with: key) == status) }
        }

        @Test("many changes at once and none is lost, and a key that is revoked lets nobody in")
        func manyChangesAtOnceAndNoneIsLost() async throws {
            defer { try? FileManager.default.removeItem(at: folder) }
            let old = try (0..<5).map { try end(keys("create", "old-\($0)")) }
            if let user = Self.user {
                #expect(chown(folder.path, user, user) == 0 && chown(file, user, user) == 0)
                #expect(chmod(file, 0o640) == 0)
            }
            let before = try FileManager.default.attributesOfItem(atPath: file)
            let port = try freePort()
            let gateway = try TriageProcess(
                ["gateway", "--bootstrap-servers", "127.0.0.1:1", "--port", "\(port)", "--api-keys", file],
                user: Self.user)
            let client = WebClient(port: port)
            try await client.waitUntil(status: 200, "/health/live")
            try await expect(200, client, old)

            let creating = try (0..<20).map { try keys("create", "new-\($0)") }
            let revoking = try (0..<5).map { try keys("revoke", "old-\($0)") }
            let new = try creating.map(end)
            for process in revoking { _ = try end(process) }
            let changed = ContinuousClock.now
            #expect(try end(keys("list")).split(separator: "\n").sorted() == (0..<20).map { "new-\($0)" }.sorted())
            let after = try FileManager.default.attributesOfItem(atPath: file)
            for key in [FileAttributeKey.ownerAccountID, .groupOwnerAccountID, .posixPermissions] {
                #expect(after[key] as? NSNumber == before[key] as? NSNumber, "\(key)")
            }
            try await Task.sleep(until: changed + .seconds(3), clock: .continuous)
            try await expect(401, client, old)
            try await expect(200, client, new)

            // Nobody can tell whether a key was revoked in a file that is not there.
            try FileManager.default.moveItem(atPath: file, toPath: file + ".away")
            try await client.waitUntil(status: 503, with: new[0])
            let probe = try await client.get("/health/ready")
            #expect(probe.status == 503)
            try FileManager.default.moveItem(atPath: file + ".away", toPath: file)
            try await client.waitUntil(status: 200, with: new[0])

            gateway.signal(SIGTERM)
            #expect(try gateway.wait(within: .seconds(15)) == 0, "\(gateway.errors)")
            #expect(gateway.errors.contains("every request is refused: the API keys cannot be read"))
            #expect(gateway.errors.contains("a request without a valid API key was refused"))
        }
    }
}

extension WebClient {
    /// What somebody is answered who has this key.
    func status(with key: String) async throws -> UInt {
        try await get("/metrics", headers: ["authorization": "Bearer \(key)"]).status
    }

    func waitUntil(status: UInt, with key: String, within limit: Duration = .seconds(30)) async throws {
        let deadline = ContinuousClock.now + limit
        while try await self.status(with: key) != status {
            guard ContinuousClock.now < deadline else { throw TimedOut(what: "\(status) for a key", details: "") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
