import Foundation
import Gateway
import HTTPTypes
import Logging
import NIOHTTP1
import Testing

@Suite("API keys")
struct APIKeyTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    private var file: APIKeyFile { APIKeyFile(path: folder.appendingPathComponent("keys").path) }
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func cleanUp() { try? FileManager.default.removeItem(at: folder) }

    @Test func createsListsAndRevokes() throws {
        defer { cleanUp() }
        let key = try file.create(name: "dashboard")
        _ = try file.create(name: "a team of two")
        #expect(key.hasPrefix("triage_"))
        #expect(try file.entries().map(\.name) == ["dashboard", "a team of two"])
        let content = try String(contentsOfFile: file.path, encoding: .utf8)
        #expect(!content.contains(key), "only the digest is kept")
        let permissions = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? NSNumber
        #expect(permissions?.intValue == 0o600)
        #expect(throws: APIKeyFile.Failure.nameTaken("dashboard")) { try file.create(name: "dashboard") }
        try file.revoke(name: "dashboard")
        #expect(throws: APIKeyFile.Failure.unknownName("dashboard")) { try file.revoke(name: "dashboard") }
        #expect(try file.entries().map(\.name) == ["a team of two"])
    }

    @Test(arguments: ["", "#x", "a\nb", " a"])
    func refusesNamesThatTheFileCannotHold(name: String) {
        defer { cleanUp() }
        #expect(throws: APIKeyFile.Failure.invalidName(name)) { try file.create(name: name) }
    }

    @Test func saysWhichLineIsWrong() throws {
        defer { cleanUp() }
        try "# keys\n\nnot a key\n".write(toFile: file.path, atomically: true, encoding: .utf8)
        #expect(throws: APIKeyFile.Failure.malformed(path: file.path, line: 3)) { try file.entries() }
    }

    @Test func letsNobodyInWithoutAKey() async throws {
        defer { cleanUp() }
        let key = try file.create(name: "one")
        let verifier = try APIKeyVerifier(file: file, logger: logger)
        let gateway = TestGateway(keys: verifier)
        try await gateway.application.test(.router) { client in
            func status(_ path: String, _ authorization: String?) async throws -> Int {
                let headers: HTTPFields = authorization.map { [.authorization: $0] } ?? [:]
                let response = try await client.executeRequest(uri: path, method: .get, headers: headers, body: nil)
                if response.status == .unauthorized { #expect(response.headers[.wwwAuthenticate] != nil) }
                return Int(response.status.code)
            }
            let path = "/api/intent?sentence=x"
            let wanted: [(path: String, authorization: String?, status: Int)] = [
                (path, nil, 401), (path, "Bearer ", 401), (path, "Bearer \(key)x", 401), (path, "Basic \(key)", 401),
                (path, "Bearer \(key)", 200), (path, "bearer \(key)", 200), ("/metrics", nil, 401), ("/", nil, 200),
                ("/docs", nil, 200), ("/openapi.json", nil, 200), ("/health/live", nil, 200),
                ("/v2/health/ready", nil, 200),
            ]
            for (path, authorization, wanted) in wanted {
                let given = try await status(path, authorization)
                #expect(given == wanted, "\(path)")
            }
        }
    }

    @Test func noticesWhenTheFileChanges() async throws {
        defer { cleanUp() }
        let first = try file.create(name: "first")
        let verifier = try APIKeyVerifier(file: file, logger: logger)
        let second = try file.create(name: "second")
        try file.revoke(name: "first")
        verifier.reloadIfChanged()
        try await expect(verifier, first, 401)
        try await expect(verifier, second, 200)
        try "nonsense".write(toFile: file.path, atomically: true, encoding: .utf8)
        verifier.reloadIfChanged()
        try await expect(verifier, second, 200)
    }

    private func expect(_ verifier: APIKeyVerifier, _ key: String, _ status: Int) async throws {
        try await TestGateway(keys: verifier).application.test(.router) { client in
            let response = try await client.executeRequest(
                uri: "/api/intent?sentence=x", method: .get, headers: [.authorization: "Bearer \(key)"], body: nil)
            #expect(response.status.code == status)
        }
    }
}
