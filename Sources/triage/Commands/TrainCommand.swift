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

            Before it trains it says what looks wrong: sentences that are there twice or under several classes, \
            classes whose names differ only in case or space, classes too small to be judged. Afterwards it names the \
            weakest classes.
            """)

    @OptionGroup var data: DataFlags

    @Option(
        help: ArgumentHelp("Where the model goes; it replaces one that is there, at once and whole.", valueName: "file")
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
    }

    func run() async throws {
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
        let trained: LinearModel
        do {
            trained = try LinearTrainer(options: options).train(file.sentences) { progress.show($0) }
        } catch {
            throw CommandFailure.badData("\(file.path): \(error)")
        }
        let model = try ModelFile.write(trained, to: output)
        let seconds = progress.finish()
        show(
            "\(model.identifier): \(file.sentences.texts.count.grouped) sentences,",
            "\(model.labels.count) classes, \(seconds)")
        if let scores = trained.validation {
            show(
                "cross-validated, \(folds) folds: accuracy \(scores.accuracy.rounded(to: 4)),",
                "macro F1 \(scores.macroF1.rounded(to: 4)), log loss \(scores.logLoss.rounded(to: 4)),",
                "calibration error \(scores.calibrationError.rounded(to: 4))")
            if let weakest = scores.weakest { show("weakest: \(weakest)") }
            if let decision = trained.metadata.decision {
                let (answered, right) = (decision.coverage * 100, decision.precision * 100)
                show(
                    "threshold: \(decision.threshold.rounded(to: 4)) answers \(answered.rounded(to: 1))% of the sentences,",
                    "\(right.rounded(to: 1))% of the answers right")
            }
        }
        show("next: \(Advice.command("classify --model \(output.shellQuoted) \(Self.sample(of: file).shellQuoted)"))")
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
