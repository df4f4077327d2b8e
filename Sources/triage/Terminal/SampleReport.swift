import Foundation
import Messages
import Telemetry
import Worker

/// `triage worker --check`: what would come of the sample values in a file.
struct SampleReport {
    /// A value, and where in the file it starts.
    private struct Sample {
        let line: Int?
        let value: [UInt8]
    }

    private static let maximumBytes = 16 << 20

    private let name: String
    private let samples: [Sample]
    private let configuration: WorkerConfiguration

    /// Reads the file, or standard input for `-`.
    init(path: String, configuration: WorkerConfiguration) throws {
        name = path == "-" ? "standard input" : path
        self.configuration = configuration
        let bytes: [UInt8]
        do throws(SmallFile.Failure) {
            bytes = try SmallFile.bytes(path == "-" ? "/dev/stdin" : path, atMost: Self.maximumBytes)
        } catch {
            let message = "--check \(path): cannot read the file: \(error.reason)"
            throw error.isMissing ? CommandFailure.noInput(message) : CommandFailure.badData(message)
        }
        samples = Self.samples(in: bytes, isText: configuration.defaultContentType == .plainText)
        guard !samples.isEmpty else { throw CommandFailure.badData("--check \(path): there is no sample in the file") }
    }

    /// The whole file if it is one value: JSON over several lines, or something in a schema registry's framing. Else a
    /// value a line, without those that are empty.
    private static func samples(in bytes: [UInt8], isText: Bool) -> [Sample] {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let isFramed = bytes.first == 0
        let isOneValue = !isText && lines.count > 1 && bytes.withUnsafeBytes { JSONReader.isValue($0) }
        if isFramed || isOneValue { return [Sample(line: nil, value: bytes)] }
        return lines.enumerated().compactMap { index, line in
            let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            return line.isEmpty ? nil : Sample(line: index + 1, value: Array(line))
        }
    }

    /// Prints what would come of each.
    ///
    /// - Throws: ``CommandFailure`` with 65 if some cannot be classified.
    func run(model: String, settings: SettingsReader) async throws {
        let answers = try SampleAnswers(configuration: configuration, modelFile: model)
        let outcomes = try await answers.outcomes(
            of: samples.map(\.value), logger: settings.startLogging(label: "worker"))
        for (sample, outcome) in zip(samples, outcomes) {
            show(sample.line.map { "\(name):\($0)" } ?? name)
            if let text = outcome.text { show("  text   \(LineEscaping.plain(text))") }
            if let id = outcome.id { show("  id     \(LineEscaping.plain(id))") }
            if let failure = outcome.failure { show("  error  \(failure.code.rawValue): \(failure.message)") }
            if let topic = outcome.topic {
                let isAvro = outcome.failure == nil && configuration.replies.encoding == .avro
                let reply = String(decoding: outcome.reply, as: UTF8.self)
                show("  reply  \(topic)\(isAvro ? ", as Avro" : ""): \(LineEscaping.plain(reply))")
            }
            if outcome.isDeadLetter { show("  dead letter  \(configuration.topics.deadLetters)") }
        }
        let failed = outcomes.count { $0.failure != nil }
        guard failed == 0 else {
            fflush(nil)
            throw CommandFailure.badData("--check: \(failed) of \(outcomes.count) samples cannot be classified")
        }
    }
}
