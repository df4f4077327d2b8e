import ArgumentParser
import Classification
import Foundation

struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a model on sentences and their labels.",
        discussion: """
            Reads what there is: CSV (comma, semicolon, bar) or TSV with a header, a JSON array, JSON lines, \
            fastText's __label__ lines, Rasa's NLU YAML or JSON, spaCy's and Prodigy's JSON lines, the files of LUIS, \
            CLU and Snips; gzip of any of them. The content tells which. The same data and seed give the same file, to the byte.

              triage train --data intents.csv --output intents.model \\
                  --name intents --language fr
              triage train --data tickets.csv --output tickets.model \\
                  --text-column Subject --label-column Team
              zcat export.csv.gz | triage train --data - --output export.model
              triage train --data intents.csv --output intents \\
                  --encoder .deps/encoders/use

            With --encoder the model is a folder: a cascade of the linear model, which answers what it is sure of, and of \
            the encoder, which is asked for the rest. How much each says and when the encoder is asked is learnt by \
            cross-validation.

            Before it trains it says what looks wrong: sentences that are there twice or under several classes, \
            classes whose names differ only in case or space, classes too small to be judged. Afterwards it names the \
            weakest classes.
            """)

    @OptionGroup var data: DataFlags

    @Option(
        help: ArgumentHelp("Where the model goes; it replaces one that is there, at once and whole.", valueName: "path")
    )
    var output: String

    @Option(help: "The model's name, the NAME of NAME@VERSION. (default: the output's name without its extension)")
    var name: String?

    @Option(help: "The sentences' language, as an IETF tag.")
    var language = "und"

    @Option(help: "Seed of everything random.")
    var seed: UInt64 = 1

    @Option(help: "Folds of the cross-validation whose scores go into the file; 0 trains without.")
    var folds = 5

    @Option(
        help: ArgumentHelp(
            "Share of answers that has to be right, such as 0.95: 'triage worker --unsure-below model' then answers only "
                + "above the confidence at which this share is right, by cross-validation.", valueName: "share"))
    var targetPrecision: Double?

    @Option(
        help: ArgumentHelp(
            "Folder of an encoder: train a cascade with it ('make encoder' makes one).", valueName: "folder"))
    var encoder: String?

    @OptionGroup var cascade: CascadeFlags

    @Flag(help: "Copy the encoder into the model's folder, which else has a link to it.")
    var embed = false

    @OptionGroup var encoderFlags: EncoderFlags

    @Flag(help: "Treat warnings about the data as errors: exit code 65.")
    var strict = false

    func validate() throws {
        guard folds == 0 || (2...100).contains(folds) else {
            throw ValidationError("--folds must be 0, or 2 to 100")
        }
        guard targetPrecision.map({ 0 < $0 && $0 < 1 }) ?? true else {
            throw ValidationError("--target-precision must be greater than 0 and less than 1, such as 0.95")
        }
        guard targetPrecision == nil || folds > 0 else {
            throw ValidationError("--target-precision needs cross-validation: --folds 2 or more")
        }
        guard encoder == nil || folds > 0 else {
            throw ValidationError("--encoder needs cross-validation: --folds 2 or more")
        }
        guard encoder != nil || (cascade.cascade == nil && !embed && !encoderFlags.isGiven) else {
            throw ValidationError("--cascade, --embed, --max-tokens and --encoder-threads need --encoder")
        }
    }

    func run() async throws {
        if encoder != nil { try ModelFolder.checkOutput(output) }
        let textEncoder = try encoder.map { try TextEncoder(folder: $0, options: encoderFlags.options) }
        let file = try data.read()
        try file.requireTwoClasses()
        try review(file)
        var options = LinearTrainer.Options()
        options.name = name ?? URL(filePath: output).deletingPathExtension().lastPathComponent
        options.language = language
        options.seed = seed
        options.folds = folds
        options.targetPrecision = targetPrecision
        let progress = ProgressLine()
        let model: ModelDescription
        let validation: Evaluation?
        var decision: ModelMetadata.Decision?
        var cascadeLine: String?
        do {
            if let textEncoder {
                let trained = try CascadeTrainer(
                    options: options, encoder: textEncoder, cascade: cascade.choice ?? .learnt
                ).train(file.sentences) { progress.show($0) }
                model = try ModelFolder.write(trained, to: output, embed: embed)
                (validation, decision) = (trained.validation, trained.metadata.decision)
                cascadeLine = Self.explain(trained.metadata)
            } else {
                let trained = try LinearTrainer(options: options).train(file.sentences) { progress.show($0) }
                model = try ModelFile.write(trained, to: output)
                (validation, decision) = (trained.validation, trained.metadata.decision)
            }
        } catch let refusal as LinearTrainer.Refusal {
            throw CommandFailure.badData("\(file.path): \(refusal)")
        }
        let seconds = progress.finish()
        show(
            "\(model.identifier): \(file.sentences.texts.count.grouped) sentences,",
            "\(model.labels.count) classes, \(seconds)")
        if let scores = validation {
            show(
                "cross-validated, \(folds) folds: accuracy \(scores.accuracy.rounded(to: 4)),",
                "macro F1 \(scores.macroF1.rounded(to: 4)), log loss \(scores.logLoss.rounded(to: 4)),",
                "calibration error \(scores.calibrationError.rounded(to: 4))")
            if let cascadeLine { show(cascadeLine) }
            if let weakest = scores.weakest { show("weakest: \(weakest)") }
            if let decision {
                let (answered, right) = (decision.coverage * 100, decision.precision * 100)
                show(
                    "threshold: \(decision.threshold.rounded(to: 4)) answers \(answered.rounded(to: 1))% of the sentences,",
                    "\(right.rounded(to: 1))% of the answers right")
            }
        }
        show("next: \(Advice.command("classify --model \(output.shellQuoted) \(Self.sample(of: file).shellQuoted)"))")
    }

    /// When the encoder is asked, and how much it says.
    private static func explain(_ metadata: CascadeMetadata) -> String {
        let weight = "its weight is \(metadata.blend.encoderWeight.rounded(to: 2))"
        return switch metadata.blend.askBelow {
        case 0: "cascade: \(metadata.encoder.name) is never asked"
        case let below where below > 1: "cascade: \(metadata.encoder.name) is always asked; \(weight)"
        case let below:
            "cascade: \(metadata.encoder.name) is asked below \(below.rounded(to: 2)), for "
                + "\((metadata.encoderShare * 100).rounded(to: 1))% of the sentences; \(weight)"
        }
    }

    /// Reports what is in the data before spending time on training.
    private func review(_ file: SentenceFile) throws {
        let review = DataReview(file)
        var left = ""
        if file.leftOut > 0 { left = "; \(file.leftOut) rejected, ignored or undecided ones are left out" }
        show(
            "\(file.path): \(file.sentences.texts.count.grouped) sentences, \(file.sentences.labels.count) classes",
            "(\(file.source))\(left)")
        show("classes: \(review.classes)")
        for finding in review.findings { Advice.warn(finding.message) }
        guard strict, !review.findings.isEmpty else { return }
        fflush(nil)
        let warnings = review.findings.count == 1 ? "the warning above an error" : "the warnings above errors"
        throw CommandFailure.badData("\(file.path): nothing was trained: --strict makes \(warnings)")
    }

    /// A sample sentence for trying the model.
    private static func sample(of file: SentenceFile) -> String {
        let short = file.sentences.texts.first { text in
            text.count <= 60 && !text.unicodeScalars.contains { $0.value < 0x20 || 0x7F...0x9F ~= $0.value }
        }
        return short ?? "a sentence"
    }
}
