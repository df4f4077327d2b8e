import Classification
import Foundation
import Testing

/// Folders that are refused before OpenVINO sees them; `Tests/Operations/test_encoder.py` has the others.
@Suite("Model folders")
struct ModelFolderTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func refusal(_ files: [String: String]) throws -> ModelFileError? {
        let path = folder.path(UUID().uuidString)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for (name, text) in files { try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8) }
        return #expect(throws: ModelFileError.self) { try ModelFile.load(path: path) }
    }

    private let labels = #""id2label":{"0":"a","1":"b"}"#

    @Test("an empty one, and one with a manifest that is none")
    func manifests() throws {
        #expect(try refusal([:])?.code == .foreign)
        #expect(try refusal(["model.json": "{"])?.reason == "is no JSON")
        #expect(try refusal(["model.json": "{}"])?.reason.contains("lacks \"") == true)
    }

    @Test("a classifier that is for something else, or does not name its classes")
    func configurations() throws {
        #expect(try refusal(["config.json": "{}"])?.reason.contains("id2label") == true)
        #expect(
            try refusal(["config.json": #"{"id2label":{"0":"a","2":"b"}}"#])?.reason.contains("from 0 to 1") == true)
        let multiple = try refusal(["config.json": #"{"problem_type":"multi_label_classification",\#(labels)}"#])
        #expect(multiple?.code == .unknownKind)
        #expect(multiple?.reason.contains("multi_label_classification") == true)
    }

    @Test("one without network or tokenizer is told which command makes them")
    func parts() throws {
        let none = try refusal(["config.json": "{\(labels)}"])
        #expect(none?.code == .missing)
        #expect(none?.reason.contains("optimum-cli export openvino") == true)
        let half = try refusal(["config.json": "{\(labels)}", "model.onnx": "x"])
        #expect(half?.code == .missing)
        #expect(half?.reason.contains("convert_tokenizer") == true)
    }
}
