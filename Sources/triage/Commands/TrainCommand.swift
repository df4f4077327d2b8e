import ArgumentParser
import Classification
import Foundation

struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a model on sentences and their labels.",
        discussion: """
            Reads a JSON array, JSON lines, CSV or TSV with a header, or fastText's __label__ lines. A sentence's field is \
            named text or sentence, its class label or intent. The same data and seed give the same file, to the byte.

              triage train --data intents.csv --output intents.model --name intents --language fr
            """)

    @Option(help: ArgumentHelp("Labelled sentences.", valueName: "file"))
    var data: String

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

    func validate() throws {
        guard folds == 0 || (2...100).contains(folds) else {
            throw ValidationError("--folds must be 0, or 2 to 100")
        }
    }

    func run() async throws {
        let sentences = try LabelledSentences.read(path: data)
        var options = LinearTrainer.Options()
        options.name = name ?? URL(filePath: output).deletingPathExtension().lastPathComponent
        options.language = language
        options.seed = seed
        options.folds = folds
        let progress = ProgressLine()
        let trained = try LinearTrainer(options: options).train(sentences) { progress.show($0) }
        let model = try ModelFile.write(trained, to: output)
        let seconds = progress.finish()
        print(
            "\(model.identifier): \(sentences.texts.count.grouped) sentences, \(model.labels.count) classes,", seconds)
        if let scores = try ModelFile.metadata(path: output).scores {
            print(
                "cross-validated, \(scores.folds) folds: accuracy \(scores.accuracy.rounded(to: 4)),",
                "macro F1 \(scores.macroF1.rounded(to: 4)), log loss \(scores.logLoss.rounded(to: 4)),",
                "calibration error \(scores.calibrationError.rounded(to: 4))")
        }
    }
}
