import Foundation
import Gateway
import GatewayTestSupport
import HTTPTypes
import Logging
import NIOHTTP1
import Platform
import TestSupport
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

    @Test("creates lists and revokes") func createsListsAndRevokes() throws {
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

    @Test(
        "refuses names that the file cannot hold",
        arguments: ["", "#x", "a\nb", " a", "\u{1B}[31mred", "\u{85}x", "a\u{2028}b", "a\u{7F}"])
    func refusesNamesThatTheFileCannotHold(name: String) {
        defer { cleanUp() }
        #expect(throws: APIKeyFile.Failure.invalidName(name)) { try file.create(name: name) }
    }

    /// Somebody has edited it on Windows, and given it to the user that the gateway runs as.
    @Test("leaves everything else as it is") func leavesEverythingElseAsItIs() throws {
        defer { cleanUp() }
        let digest = String(repeating: "ab", count: 32)
        let before = "\u{FEFF}# our keys\r\n\r\n\(digest) first\r\n\(digest)  second \r\n# the end\r\n\(digest) third"
        try Data(before.utf8).write(to: URL(filePath: file.path))
        #expect(chmod(file.path, 0o640) == 0)
        let link = folder.appendingPathComponent("link").path
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "keys")
        let linked = APIKeyFile(path: link)

        #expect(try linked.entries().map(\.name) == ["first", "second", "third"])
        try linked.revoke(name: "second")
        _ = try linked.create(name: "fourth")
        let after = "\u{FEFF}# our keys\r\n\r\n\(digest) first\r\n# the end\r\n\(digest) third\n"
        let content = String(decoding: try Data(contentsOf: URL(filePath: file.path)), as: UTF8.self)
        #expect(content.hasPrefix(after) && content.hasSuffix(" fourth\n"), "\(content.debugDescription)")
        #expect(try file.entries().map(\.name) == ["first", "third", "fourth"])
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "keys")
        let permissions = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? NSNumber
        #expect(permissions?.intValue == 0o640)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["keys", "link"])
    }

    @Test("revokes every key of a name") func revokesEveryKeyOfAName() throws {
        defer { cleanUp() }
        let first = try file.create(name: "twice")
        let content = try String(contentsOfFile: file.path, encoding: .utf8)
        try FileManager.default.removeItem(atPath: file.path)
        _ = try file.create(name: "twice")
        try (content + String(contentsOfFile: file.path, encoding: .utf8))
            .write(toFile: file.path, atomically: true, encoding: .utf8)
        let verifier = try APIKeyVerifier(file: file, logger: logger)
        try verifier.check("Bearer \(first)")
        try file.revoke(name: "twice")
        #expect(try file.entries().isEmpty)
        verifier.reload()
        #expect(throws: GatewayError.self) { try verifier.check("Bearer \(first)") }
    }

    @Test("loses no change of many at once") func losesNoChangeOfManyAtOnce() async throws {
        defer { cleanUp() }
        for number in 0..<5 { _ = try file.create(name: "old-\(number)") }
        try await withThrowingTaskGroup { group in
            for number in 0..<20 {
                group.addTask { [file] in try await onOwnThread { _ = try file.create(name: "new-\(number)") } }
            }
            for number in 0..<5 {
                group.addTask { [file] in try await onOwnThread { try file.revoke(name: "old-\(number)") } }
            }
            try await group.waitForAll()
        }
        #expect(try Set(file.entries().map(\.name)) == Set((0..<20).map { "new-\($0)" }))
    }

    @Test("says which line is wrong") func saysWhichLineIsWrong() throws {
        defer { cleanUp() }
        try "# keys\n\nnot a key\n".write(toFile: file.path, atomically: true, encoding: .utf8)
        #expect(throws: APIKeyFile.Failure.malformed(path: file.path, line: 3)) { try file.entries() }
    }

    @Test("lets nobody in without a key") func letsNobodyInWithoutAKey() async throws {
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

    @Test("notices when the file changes") func noticesWhenTheFileChanges() async throws {
        defer { cleanUp() }
        let first = try file.create(name: "first")
        let verifier = try APIKeyVerifier(file: file, logger: logger)
        let second = try file.create(name: "second")
        try file.revoke(name: "first")
        verifier.reload()
        try await expect(verifier, first, 401)
        try await expect(verifier, second, 200)
    }

    /// Nobody can tell which keys were revoked in a file that cannot be read.
    @Test("closes the doors when the file cannot be read", arguments: [nil, "nonsense"])
    func closesTheDoorsWhenTheFileCannotBeRead(content: String?) async throws {
        defer { cleanUp() }
        let key = try file.create(name: "one")
        let good = try String(contentsOfFile: file.path, encoding: .utf8)
        let log = RecordedLog(level: .warning)
        let verifier = try APIKeyVerifier(file: file, logger: log.logger)
        let pass = try verifier.check("Bearer \(key)")
        let start = MonotonicTime.now
        func reload(after seconds: Int64) { verifier.reload(now: start.advanced(by: .seconds(seconds))) }

        try FileManager.default.removeItem(atPath: file.path)
        try content?.write(toFile: file.path, atomically: true, encoding: .utf8)
        for seconds in 0..<5 as Range<Int64> { reload(after: seconds) }
        try await expect(verifier, key, 200)
        #expect(verifier.problem == nil)
        #expect(log.lines.map(\.level) == [.warning])
        for seconds in 5..<125 as Range<Int64> { reload(after: seconds) }
        try await expect(verifier, key, 503)
        #expect(verifier.problem != nil)
        #expect(!verifier.isInForce(pass))
        #expect(log.lines.map(\.level) == [.warning, .error, .error], "once a minute")

        try good.write(toFile: file.path, atomically: true, encoding: .utf8)
        reload(after: 125)
        try await expect(verifier, key, 200)
        #expect(verifier.isInForce(pass))
    }

    @Test("does not wait for a pipe in the files place") func doesNotWaitForAPipeInTheFilesPlace() throws {
        defer { cleanUp() }
        #expect(mkfifo(file.path, 0o600) == 0)
        let error = #expect(throws: APIKeyFile.Failure.self) { try file.entries() }
        #expect(error == .inaccessible(path: file.path, reason: "is not a regular file"))
    }

    @Test("tells of a pass that is no longer in force") func tellsOfAPassThatIsNoLongerInForce() throws {
        defer { cleanUp() }
        let key = try file.create(name: "a stream")
        let verifier = try APIKeyVerifier(file: file, logger: logger)
        let pass = try verifier.check("Bearer \(key)")
        #expect(verifier.isInForce(pass))
        try file.revoke(name: "a stream")
        verifier.reload()
        #expect(!verifier.isInForce(pass))
    }

    /// A line for the first, and one for all others of a minute.
    @Test("logs refusals within bounds") func logsRefusalsWithinBounds() throws {
        defer { cleanUp() }
        _ = try file.create(name: "one")
        let log = RecordedLog(level: .warning)
        let verifier = try APIKeyVerifier(file: file, logger: log.logger)
        let start = MonotonicTime.now
        for second in 0..<60 as Range<Int64> {
            let now = start.advanced(by: .seconds(second))
            for authorization in [nil, "Bearer guess"] {
                #expect(throws: GatewayError.self) { try verifier.check(authorization, now: now) }
            }
            verifier.reload(now: now)
        }
        #expect(log.lines.count == 1)
        verifier.reload(now: start.advanced(by: .seconds(60)))
        #expect(log.lines.count == 2)
        verifier.reload(now: start.advanced(by: .seconds(600)))
        #expect(log.lines.count == 2)
    }

    private func expect(_ verifier: APIKeyVerifier, _ key: String, _ status: Int) async throws {
        try await TestGateway(keys: verifier).application.test(.router) { client in
            let response = try await client.executeRequest(
                uri: "/api/intent?sentence=x", method: .get, headers: [.authorization: "Bearer \(key)"], body: nil)
            #expect(response.status.code == status)
        }
    }
}
