import Foundation
import Testing

/// Models trained by `triage train` from made-up sentences, once for all tests.
enum SampleModel {
    /// The model of most tests.
    static func path() throws -> String { try first.get() }

    /// Another one with the same classes, so with another version.
    static func otherPath() throws -> String { try second.get() }

    private static let first = Result { try train("first", sentences: 0..<600) }
    private static let second = Result { try train("second", sentences: 600..<1_200) }

    /// The folder for files of the tests, emptied when they start.
    static let folder: URL = {
        let folder = URL(filePath: NSTemporaryDirectory()).appending(path: "triage-tests-\(getpid())")
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        atexit { try? FileManager.default.removeItem(at: SampleModel.folder) }
        return folder
    }()

    private static func train(_ name: String, sentences: Range<Int>) throws -> String {
        let data = folder.appending(path: "\(name).tsv")
        let lines = sentences.map(SampleSentences.labelled).map { "\($0.label)\t\($0.text)\n" }
        try ("label\ttext\n" + lines.joined()).write(to: data, atomically: true, encoding: .utf8)
        let model = folder.appending(path: "\(name).model").path
        let training = try TriageProcess(["train", "--data", data.path, "--output", model])
        training.closeInput()
        guard try training.wait() == 0 else { throw TimedOut(what: "a model", details: training.errors) }
        return model
    }
}
