import Classification
import Foundation
import Testing
import Worker

@Suite("Model reload", .serialized, .timeLimit(.minutes(2)))
struct ModelReloadTests {
    private struct BadModel: Error {}

    /// A model whose version is what the file says; one that says "bad" does not load.
    private func source(_ path: String) -> ModelSource {
        ModelSource(path: path) {
            let version = try String(contentsOfFile: path, encoding: .utf8)
            guard version != "bad" else { throw BadModel() }
            var classifier = FixedClassifier()
            classifier.model.version = version
            return classifier
        }
    }

    @Test("a changed file is taken between batches; one that does not load, or is missing, changes nothing")
    func change() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try "first".write(toFile: path, atomically: true, encoding: .utf8)
        try await MockWorker.with { worker in
            worker.source = source(path)
            worker.configuration.modelCheckInterval = .milliseconds(30)
            try worker.start()

            var sent = 0
            func model() async throws -> String? {
                try await worker.send([.init(#"{"text":"a"}"#, key: "k")], to: "sentences")
                sent += 1
                let value = try await worker.read("classifications", count: sent).last?.value
                return value?.split(separator: "\"").first { $0.hasPrefix("fixed@") }.map(String.init)
            }
            func eventually(_ version: String) async throws -> Bool {
                for _ in 0..<100 {
                    if try await model() == version { return true }
                    try await Task.sleep(for: .milliseconds(50))
                }
                return false
            }
            #expect(try await model() == "fixed@first")
            try "bad".write(toFile: path, atomically: true, encoding: .utf8)
            try await Task.sleep(for: .milliseconds(300))
            #expect(try await model() == "fixed@first")
            try FileManager.default.removeItem(atPath: path)
            try await Task.sleep(for: .milliseconds(150))
            #expect(try await model() == "fixed@first")
            try "second".write(toFile: path, atomically: true, encoding: .utf8)
            #expect(try await eventually("fixed@second"))
            try "third".write(toFile: path, atomically: true, encoding: .utf8)
            kill(getpid(), SIGHUP)
            #expect(try await eventually("fixed@third"))
            try await worker.stop()
        }
    }
}
