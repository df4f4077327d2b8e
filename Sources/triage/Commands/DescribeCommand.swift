import ArgumentParser
import Classification
import Foundation

struct DescribeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Print what is known of a model: its classes, data, scores, threshold and speed.",
        discussion: """
            The scores are those of training's own cross-validation. The speed is measured here and now, on one core, for a \
            tenth of a second; 'triage evaluate' measures the model on sentences of yours.

              triage describe --model intents.model
              triage describe --model intents.model --json
            """)

    @Option(help: ArgumentHelp("A model file.", valueName: "file"))
    var model: String

    @Flag(help: "Print JSON instead of text.")
    var json = false

    func run() async throws {
        let classifier = try ModelFile.load(path: model)
        let metadata = try ModelFile.metadata(path: model)
        let speed = try Self.sentencesPerSecond(of: classifier)
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let card = Card(
                model: classifier.model.identifier, metadata: metadata, sentencesPerSecond: Int(speed.rounded()))
            return show(String(decoding: try encoder.encode(card), as: UTF8.self))
        }
        let data = metadata.trainingData
        var facts = [
            ("model", classifier.model.identifier), ("kind", "linear, over words and parts of words"),
            ("language", metadata.language),
            ("trained on", "\(data.sentences.grouped) sentences, SHA-256 \(data.sha256.prefix(12))"),
        ]
        if let scores = metadata.scores {
            facts.append(
                (
                    "scores",
                    "accuracy \(scores.accuracy.rounded(to: 4)), macro F1 \(scores.macroF1.rounded(to: 4)), "
                        + "log loss \(scores.logLoss.rounded(to: 4)), calibration error "
                        + "\(scores.calibrationError.rounded(to: 4)) (\(scores.folds) folds)"
                ))
        } else {
            facts.append(("scores", "none: trained with --folds 0"))
        }
        if let decision = metadata.decision {
            facts.append(
                (
                    "threshold",
                    "\(decision.threshold.rounded(to: 4)) for a precision of \(decision.targetPrecision): answers "
                        + "\((decision.coverage * 100).rounded(to: 1))% of the sentences"
                ))
        } else {
            facts.append(("threshold", "none: trained without --target-precision"))
        }
        facts.append(("speed", "\(Int(speed).grouped) sentences a second on one core of this machine"))
        for (name, fact) in facts { show("\(name.padding(toLength: 12, withPad: " ", startingAt: 0))\(fact)") }
        show("classes")
        let classes = zip(metadata.labels, data.sentencesOfClass).sorted { $0.1 > $1.1 }
        for line in TextTable(["  class", "sentences"], classes.map { ["  \($0)", $1.grouped] }, right: [1]).lines {
            show(line)
        }
    }

    /// What `--json` prints.
    private struct Card: Encodable {
        let kind = "linear"
        let model: String
        let metadata: ModelMetadata
        let sentencesPerSecond: Int
    }

    /// A short measurement: batches of made-up sentences, each with other words, for a tenth of a second.
    private static func sentencesPerSecond(of classifier: any Classifier) throws -> Double {
        let session = try classifier.makeSession()
        let batch = 256
        var probabilities = [Float](repeating: 0, count: batch * classifier.model.labels.count)
        var done = 0
        let start = ContinuousClock.now
        var took = Duration.zero
        repeat {
            let lines = (0..<batch).map { "je cherche le numéro \(done &+ $0) de la rue \($0) à Lyon" }
            try Array(lines.joined(separator: "\n").utf8).withUnsafeBytes { text in
                let sentences = text.split(separator: UInt8(ascii: "\n")).map { UnsafeRawBufferPointer(rebasing: $0) }
                let began = ContinuousClock.now
                defer { took += ContinuousClock.now - began }
                try sentences.withUnsafeBufferPointer { sentences in
                    try probabilities.withUnsafeMutableBufferPointer { try session.classify(sentences, into: $0) }
                }
            }
            done += batch
        } while ContinuousClock.now - start < .milliseconds(100)
        return Double(done) / (Double(took.components.attoseconds) / 1e18 + Double(took.components.seconds))
    }
}
