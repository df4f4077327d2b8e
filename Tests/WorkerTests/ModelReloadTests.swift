import Classification
import Foundation
import Synchronization
import Telemetry
import TestSupport
import Testing
import Worker
import WorkerTestSupport

@Suite("Model reload", .serialized, .timeLimit(.minutes(2)))
struct ModelReloadTests {
    private struct BadModel: Error {}

    private static func file() -> String {
        FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    }

    /// A model whose version is what the file says; one that says "bad" does not load.
    private func source(_ path: String) -> ModelSource {
        ModelSource(path: path) {
            let version = try String(contentsOfFile: path, encoding: .utf8)
            guard version != "bad" else { throw BadModel() }
            var classifier = FixedClassifier()
            classifier.model.version = version
            // Its file is whole, and its numbers are not.
            if version == "infinite" { classifier.factor = .infinity }
            if version == "double" { classifier.factor = 2 }
            return classifier
        }
    }

    @Test("a changed file is taken between batches; one that does not load, or is missing, changes nothing")
    func change() async throws {
        let path = Self.file()
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
            for (count, version) in [(1, "bad"), (2, "infinite"), (3, "double")] {
                try version.write(toFile: path, atomically: true, encoding: .utf8)
                let line = "triage_worker_model_loads_total{result=\"failed\"} \(count)\n"
                #expect(try await worker.eventually { worker.registry.exposition().contains(line) })
                #expect(try await model() == "fixed@first")
            }
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

    /// A folder has its encoder in a folder.
    @Test("what is written anew in a folder's folder is noticed; a signal for the same change loads it once")
    func nested() async throws {
        let path = Self.file()
        let file = "\(path)/encoder/weights"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try FileManager.default.createDirectory(atPath: "\(path)/encoder", withIntermediateDirectories: true)
        func write(_ version: String) throws { try version.write(toFile: file, atomically: false, encoding: .utf8) }
        try write("first")
        let loads = Mutex<[String]>([])
        try await MockWorker.with { worker in
            let source = source(file)
            worker.source = ModelSource(path: path) {
                let model = try source.load()
                loads.withLock { $0.append(model.model.version) }
                return model
            }
            worker.configuration.modelCheckInterval = .milliseconds(300)
            try worker.start()
            func exchanges() -> Int { worker.log.lines.count { $0.message == "the model was exchanged" } }
            #expect(try await worker.eventually { worker.log.lines.contains { $0.message == "the worker is ready" } })
            try write("second")
            #expect(try await worker.eventually { exchanges() == 1 })
            try write("third")
            kill(getpid(), SIGHUP)
            #expect(try await worker.eventually { exchanges() == 2 })
            try await Task.sleep(for: .seconds(1))
            #expect(loads.withLock { $0 } == ["first", "second", "third"])
            try await worker.stop()
        }
    }

    /// A lane without requests would else keep what may be hundreds of megabytes.
    @Test("lanes that have nothing to do change over too, and the old model is gone")
    func idleLanes() async throws {
        struct Weak { weak var token: FixedClassifier.Token? }
        let path = Self.file()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try "first".write(toFile: path, atomically: true, encoding: .utf8)
        let tokens = Mutex<[String: Weak]>([:])
        try await MockWorker.with { worker in
            worker.source = ModelSource(path: path) {
                var classifier = FixedClassifier()
                let token = FixedClassifier.Token()
                classifier.token = token
                let version = try String(contentsOfFile: path, encoding: .utf8)
                classifier.model.version = version
                tokens.withLock { $0[version] = Weak(token: token) }
                return classifier
            }
            worker.configuration.modelCheckInterval = .milliseconds(30)
            try worker.start()
            let isReady = try await worker.eventually {
                worker.log.lines.contains { $0.message == "the worker is ready" }
            }
            #expect(isReady && tokens.withLock { $0["first"]?.token != nil })
            try "second".write(toFile: path, atomically: true, encoding: .utf8)
            #expect(try await worker.eventually { tokens.withLock { $0["second"]?.token != nil } })
            #expect(try await worker.eventually { tokens.withLock { $0["first"]?.token == nil } })
            try await worker.stop()
        }
    }

    @Test("a pipe in the file's place is refused, holds up neither the next model nor the end")
    func pipe() async throws {
        var options = LinearTrainer.Options()
        options.folds = 0
        let sentences = LabelledSentences([
            (text: "un train", label: "a"), (text: "un hôtel", label: "b"), (text: "le train", label: "a"),
            (text: "cet hôtel", label: "b"),
        ])
        func train(_ name: String) throws -> LinearModel {
            options.name = name
            return try LinearTrainer(options: options).train(sentences)
        }
        let path = Self.file()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try ModelFile.write(train("first"), to: path)
        try await MockWorker.with { worker in
            worker.source = .file(path)
            worker.configuration.modelCheckInterval = .milliseconds(30)
            try worker.start()
            func eventually(_ line: String) async throws -> Bool {
                try await worker.eventually { worker.registry.exposition().contains("triage_worker_model_\(line)") }
            }
            #expect(try await eventually("info{kind=\"linear\",model=\"first@"))
            try FileManager.default.removeItem(atPath: path)
            #expect(mkfifo(path, 0o600) == 0)
            #expect(try await eventually("loads_total{result=\"failed\"} 1\n"))
            try ModelFile.write(train("second"), to: path)
            #expect(try await eventually("info{kind=\"linear\",model=\"second@"))
            try await worker.stop()
        }
    }
}
