import ArgumentParser
import Classification
import Foundation

struct DescribeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Print what is known of a model: its classes, data, scores, threshold and speed.",
        discussion: """
            The scores are those of training's own cross-validation. The speed is measured here and now, on one core, for a \
            tenth of a second or more; 'triage evaluate' measures the model on sentences of yours.

              triage describe --model intents.model
              triage describe --model intents.model --json
            """)

    @Option(help: ArgumentHelp("A model: a file, or a folder for one with an encoder.", valueName: "path"))
    var model: String

    @OptionGroup var encoder: EncoderFlags

    @Flag(help: "Print JSON instead of text.")
    var json = false

    func run() async throws {
        let classifier = try ModelFile.load(path: model, encoder: encoder.options)
        let stored = try ModelFile.metadata(path: model)
        let speed = try Self.sentencesPerSecond(of: classifier)
        guard !json else {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return show(String(decoding: try encoder.encode(Card(classifier, stored, speed)), as: UTF8.self))
        }
        let threads = encoder.encoderThreads == 1 ? "one core" : "\(encoder.encoderThreads) threads"
        var facts = [("model", classifier.model.identifier)]
        switch stored {
        case .linear(let metadata):
            facts.append(("kind", "linear, over words and parts of words"))
            facts += Self.training(metadata.trainingData, metadata.scores, metadata.decision, metadata.language)
        case .cascade(let metadata):
            facts.append(("kind", "cascade: linear first, an encoder where that is unsure"))
            facts += Self.training(metadata.trainingData, metadata.scores, metadata.decision, metadata.language)
            facts.append(("cascade", Self.cascade(metadata)))
        case .finished: facts.append(("kind", "classifier trained elsewhere, all of it in its network"))
        }
        facts += Self.encoder(classifier)
        facts.append(("speed", "\(speed.perSecond.grouped) sentences a second on \(threads) of this machine"))
        if let share = speed.encoderShare, case .cascade(let metadata) = stored {
            facts.append(
                (
                    "",
                    "(of made-up sentences, \(Self.percent(share)) of them by the encoder; in training it was "
                        + "\(Self.percent(metadata.encoderShare)))"
                ))
        }
        for (name, fact) in facts { show("\(name.padding(toLength: 12, withPad: " ", startingAt: 0))\(fact)") }
        show("classes")
        guard let data = stored.trainingData else {
            for label in classifier.model.labels { show("  \(label)") }
            return
        }
        let classes = zip(classifier.model.labels, data.sentencesOfClass).sorted { $0.1 > $1.1 }
        for line in TextTable(["  class", "sentences"], classes.map { ["  \($0)", $1.grouped] }, right: [1]).lines {
            show(line)
        }
    }

    private static func training(
        _ data: ModelMetadata.TrainingData, _ scores: ModelMetadata.Scores?, _ decision: ModelMetadata.Decision?,
        _ language: String
    ) -> [(String, String)] {
        var facts = [
            ("language", language),
            ("trained on", "\(data.sentences.grouped) sentences, SHA-256 \(data.sha256.prefix(12))"),
        ]
        if let scores {
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
        if let decision {
            facts.append(
                (
                    "threshold",
                    "\(decision.threshold.rounded(to: 4)) for a precision of \(decision.targetPrecision): answers "
                        + "\(percent(decision.coverage)) of the sentences"
                ))
        } else {
            facts.append(("threshold", "none: trained without --target-precision"))
        }
        return facts
    }

    private static func cascade(_ metadata: CascadeMetadata) -> String {
        let when =
            switch metadata.blend.askBelow {
            case 0: "the encoder is never asked"
            case let below where below > 1: "the encoder is always asked"
            case let below:
                "the encoder is asked where linear is less sure than \(below.rounded(to: 2)), for "
                    + "\(percent(metadata.encoderShare)) of the training sentences"
            }
        return "\(when); its weight is \(metadata.blend.encoderWeight.rounded(to: 2))"
    }

    /// What is known of the encoder; nothing without one.
    private static func encoder(_ classifier: any Classifier) -> [(String, String)] {
        guard let encoder = classifier.textEncoder else { return [] }
        let license = encoder.description.license.map { ", \($0)" } ?? ""
        return [
            ("encoder", "\(encoder.name), SHA-256 \(encoder.digest.prefix(12))\(license)"),
            (
                "precision",
                "\(encoder.precision), OpenVINO \(encoder.library); a sentence's neighbours in its batch usually move a probability "
                    + "by less than \(encoder.neighbourBound)"
            ),
            ("cut", "a sentence is read up to \(encoder.maximumTokens) tokens"),
        ]
    }

    private static func percent(_ share: Double) -> String { "\((share * 100).rounded(to: 1))%" }

    /// What `--json` prints.
    private struct Card: Encodable {
        struct Encoder: Encodable {
            let name: String
            let sha256: String
            let precision: String
            let license: String?
            let library: String
            let maximumTokens: Int
            let neighbourBound: Double
        }

        let kind: String
        let model: String
        let labels: [String]
        let metadata: ModelMetadata?
        let cascade: CascadeMetadata?
        let encoder: Encoder?
        let sentencesPerSecond: Int

        init(_ classifier: any Classifier, _ stored: StoredModel, _ speed: Speed) {
            model = classifier.model.identifier
            labels = classifier.model.labels
            sentencesPerSecond = speed.perSecond
            encoder = classifier.textEncoder.map {
                Encoder(
                    name: $0.name, sha256: $0.digest, precision: $0.precision, license: $0.description.license,
                    library: "OpenVINO \($0.library)", maximumTokens: $0.maximumTokens,
                    neighbourBound: $0.neighbourBound)
            }
            switch stored {
            case .linear(let metadata): (kind, self.metadata, cascade) = ("linear", metadata, nil)
            case .cascade(let metadata): (kind, self.metadata, cascade) = ("cascade", nil, metadata)
            case .finished: (kind, metadata, cascade) = ("classifier", nil, nil)
            }
        }
    }

    private struct Speed {
        let perSecond: Int
        /// The share of the sentences that the encoder answered; nil without one.
        let encoderShare: Double?
    }

    /// A short measurement: batches of made-up sentences, each with other words, for a tenth of a second; of an encoder the
    /// first batch does not count, in which it makes itself ready.
    private static func sentencesPerSecond(of classifier: any Classifier) throws -> Speed {
        let session = try classifier.makeSession()
        let batch = classifier.model.hasEncoder ? 64 : 256
        var probabilities = [Float](repeating: 0, count: batch * classifier.model.labels.count)
        var outcomes = [SentenceOutcome](repeating: [], count: batch)
        var done = 0
        var encoded = 0
        var start = ContinuousClock.now
        var took = Duration.zero
        var isReady = !classifier.model.hasEncoder
        repeat {
            let lines = (0..<batch).map { "je cherche le numéro \(done &+ $0) de la rue \($0) à Lyon" }
            try Array(lines.joined(separator: "\n").utf8).withUnsafeBytes { text in
                let sentences = text.split(separator: UInt8(ascii: "\n")).map { UnsafeRawBufferPointer(rebasing: $0) }
                let began = ContinuousClock.now
                defer { took += ContinuousClock.now - began }
                try sentences.withUnsafeBufferPointer { sentences in
                    try probabilities.withUnsafeMutableBufferPointer { probabilities in
                        try outcomes.withUnsafeMutableBufferPointer { outcomes in
                            try session.classify(
                                sentences, into: probabilities, outcomes: outcomes.baseAddress,
                                isExpired: { _ in false })
                        }
                    }
                }
            }
            guard isReady else {
                (isReady, start, took) = (true, .now, .zero)
                continue
            }
            done += batch
            encoded += outcomes.count { $0.contains(.byEncoder) }
        } while done == 0 || ContinuousClock.now - start < .milliseconds(100)
        let seconds = Double(took.components.attoseconds) / 1e18 + Double(took.components.seconds)
        return Speed(
            perSecond: Int((Double(done) / seconds).rounded()),
            encoderShare: classifier.model.hasEncoder ? Double(encoded) / Double(done) : nil)
    }
}
