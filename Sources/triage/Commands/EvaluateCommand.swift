import ArgumentParser
import Classification
import Foundation

struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure a model, or what training on a file would give.",
        discussion: """
            With --model alone, measures that model on the sentences. With --folds, cross-validates: every sentence is \
            classified by a model that was trained without it, with the options that the --model was trained with, if one \
            is given. With --encoder, a cascade with this encoder is cross-validated.

              triage evaluate --model intents.model --data held-out.jsonl
              triage evaluate --data intents.csv --folds 5 --json
              triage evaluate --data intents.csv --encoder .deps/encoders/use

            The second table says how many sentences are answered, and how many of those rightly, when a reply is unsure below \
            a threshold (triage worker --unsure-below).

            A model that is measured on the sentences that it was trained on looks better than it is; that is said.
            """)

    @Option(help: ArgumentHelp("The model to measure, or whose options to cross-validate.", valueName: "path"))
    var model: String?

    @Option(help: ArgumentHelp("Folder of an encoder: cross-validate a cascade with it.", valueName: "folder"))
    var encoder: String?

    @OptionGroup var cascade: CascadeFlags

    @OptionGroup var encoderFlags: EncoderFlags

    @OptionGroup var data: DataFlags

    @Option(help: "Folds of the cross-validation. (default: 5)")
    var folds: Int?

    @Option(help: "Seed of the folds and of training.")
    var seed: UInt64 = 1

    @Flag(help: "Print JSON instead of a table.")
    var json = false

    @Flag(help: "Refuse, with 65, to measure a model on the sentences that it was trained on.")
    var strict = false

    func validate() throws {
        guard folds.map({ (2...100).contains($0) }) ?? true else { throw ValidationError("--folds must be 2 to 100") }
        guard encoder == nil || model == nil else {
            throw ValidationError("--encoder cross-validates a new model; leave out --model, or --encoder")
        }
        guard cascade.cascade == nil || encoder != nil || (model != nil && folds != nil) else {
            throw ValidationError("--cascade is for a cross-validation: give --encoder, or a --model and --folds")
        }
    }

    func run() async throws {
        let evaluation = try model != nil && folds == nil ? measure() : crossValidation()
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            show(String(decoding: try encoder.encode(evaluation), as: UTF8.self))
        } else {
            show(evaluation.table)
        }
    }

    private func measure() throws -> Evaluation {
        // Report a missing model before spending time on reading sentences.
        let path = model ?? ""
        let classifier = try ModelFile.load(path: path, encoder: encoderFlags.options)
        let file = try data.read()
        try compare(file, with: ModelFile.metadata(path: path), classifier.model.identifier)
        do {
            return try Evaluation.measure(classifier, on: file.sentences)
        } catch let refusal as LinearTrainer.Refusal {
            throw CommandFailure.badData("\(file.path): \(refusal)")
        }
    }

    /// Warns, or fails if strict, when the model was trained on these sentences.
    private func compare(_ file: SentenceFile, with stored: StoredModel, _ model: String) throws {
        guard stored.trainingData?.sha256 == file.sentences.digest else { return }
        let message =
            "\(file.path): \(model) was trained on these: the figure means nothing. Take sentences that it has not "
            + "seen, or cross-validate: \(Advice.command("evaluate \(data.typed) --folds 5"))"
        guard !strict else { throw CommandFailure.badData(message) }
        Advice.warn(message)
    }

    private func crossValidation() throws -> Evaluation {
        let stored = try model.map { try ModelFile.metadata(path: $0) }
        var options = LinearTrainer.Options()
        var cascade = try cascade.choice
        var textEncoder = try encoder.map { try TextEncoder(folder: $0, options: encoderFlags.options) }
        switch stored {
        case .linear(let metadata): options = metadata.options
        case .cascade(let metadata):
            options = metadata.options
            textEncoder = try ModelFolder.encoder(of: model ?? "", metadata, encoderFlags.options)
            cascade = cascade ?? metadata.cascade
        case .finished:
            throw CommandFailure.usage(
                "--folds: \(model ?? "") was trained elsewhere, so it cannot be trained again; leave out --folds")
        case nil: break
        }
        options.seed = seed
        options.folds = folds ?? 5
        let file = try data.read()
        try file.requireTwoClasses()
        let progress = ProgressLine()
        defer { _ = progress.finish() }
        do {
            guard let textEncoder else {
                return try LinearTrainer(options: options).crossValidate(file.sentences) { progress.show($0) }
                    .evaluation
            }
            return try CascadeTrainer(options: options, encoder: textEncoder, cascade: cascade ?? .learnt)
                .crossValidate(file.sentences) { progress.show($0) }
        } catch let refusal as LinearTrainer.Refusal {
            throw CommandFailure.badData("\(file.path): \(refusal)")
        }
    }
}
