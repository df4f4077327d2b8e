import Foundation
import Testing

/// Models trained by `triage train` from made-up sentences, once for all tests.
enum SampleModel {
    /// The model of most tests.
    static func path() throws -> String { try first.get() }

    /// Another linear one with the same classes, so with another version.
    static func otherPath() throws -> String { try second.get() }

    /// A linear one, whatever the tests are to run with.
    static func linearPath() throws -> String { try linear.get() }
    private static let linear = Result { try train("linear", sentences: 0..<600, encoder: nil) }

    private static let first = Result { try train("first", sentences: 0..<600, encoder: givenEncoder) }
    private static let second = Result { try train("second", sentences: 600..<1_200, encoder: nil) }

    /// The folder of an encoder: all tests run with a model that always asks it. Nil for a linear model.
    private static let givenEncoder = ProcessInfo.processInfo.environment["TRIAGE_TEST_ENCODER"]
    /// The encoder that set-up makes; nil if it has not.
    static let encoder: String? = {
        let folder = URL(filePath: #filePath).appending(path: "../../../../.deps/encoders/use").standardized.path
        return FileManager.default.fileExists(atPath: folder) ? folder : nil
    }()
    /// One that always asks an encoder, with the same classes.
    static func encoderPath() throws -> String { try withEncoder.get() }
    private static let withEncoder = Result { try train("encoder", sentences: 0..<600, encoder: encoder) }

    /// The folder for files of the tests, emptied when they start.
    static let folder: URL = {
        let folder = URL(filePath: NSTemporaryDirectory()).appending(path: "triage-tests-\(getpid())")
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        atexit { try? FileManager.default.removeItem(at: SampleModel.folder) }
        return folder
    }()

    private static func train(_ name: String, sentences: Range<Int>, encoder: String?) throws -> String {
        let data = folder.appending(path: "\(name).tsv")
        let lines = sentences.map(SampleSentences.labelled).map { "\($0.label)\t\($0.text)\n" }
        try ("label\ttext\n" + lines.joined()).write(to: data, atomically: true, encoding: .utf8)
        let model = folder.appending(path: "\(name).model").path
        let encoder = encoder.map { ["--encoder", $0, "--cascade", "always"] } ?? []
        let training = try TriageProcess(["train", "--data", data.path, "--output", model] + encoder)
        training.closeInput()
        guard try training.wait() == 0 else { throw TimedOut(what: "a model", details: training.errors) }
        return model
    }
}
