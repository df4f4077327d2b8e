import ArgumentParser
import Classification
import Foundation

struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure a model, or what training on a file would give.",
        discussion: """
            With --model, measures that model on the sentences. Without, cross-validates: every sentence is classified by \
            a model that was trained without it.

              triage evaluate --model intents.model --data held-out.jsonl
              triage evaluate --data intents.csv --folds 5 --json
            """)

    @Option(help: ArgumentHelp("A model file; without it the data is cross-validated.", valueName: "file"))
    var model: String?

    @Option(help: ArgumentHelp("Labelled sentences, in the formats of train.", valueName: "file"))
    var data: String

    @Option(help: "Folds of the cross-validation. (default: 5)")
    var folds: Int?

    @Option(help: "Seed of the folds and of training.")
    var seed: UInt64 = 1

    @Flag(help: "Print JSON instead of a table.")
    var json = false

    func validate() throws {
        guard folds.map({ (2...100).contains($0) }) ?? true else { throw ValidationError("--folds must be 2 to 100") }
        guard model == nil || folds == nil else {
            throw ValidationError(
                "--folds trains on parts of the data, --model measures a model that is there: give one of them")
        }
    }

    func run() async throws {
        // A missing model is told before time goes into reading sentences.
        let classifier = try model.map { try ModelFile.load(path: $0) }
        let sentences = try LabelledSentences.read(path: data)
        let evaluation = try classifier.map { try Evaluation.measure($0, on: sentences) } ?? crossValidate(sentences)
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            print(String(decoding: try encoder.encode(evaluation), as: UTF8.self))
        } else {
            print(evaluation.table)
        }
    }

    private func crossValidate(_ sentences: LabelledSentences) throws -> Evaluation {
        var options = LinearTrainer.Options()
        options.seed = seed
        options.folds = folds ?? 5
        let progress = ProgressLine()
        defer { _ = progress.finish() }
        return try LinearTrainer(options: options).crossValidate(sentences) { progress.show($0) }.evaluation
    }
}
