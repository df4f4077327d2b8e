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
            is given.

              triage evaluate --model intents.model --data held-out.jsonl
              triage evaluate --data intents.csv --folds 5 --json
            """)

    @Option(help: ArgumentHelp("The model to measure, or whose options to cross-validate.", valueName: "file"))
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
    }

    func run() async throws {
        let evaluation = try model != nil && folds == nil ? measure() : crossValidate()
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            print(String(decoding: try encoder.encode(evaluation), as: UTF8.self))
        } else {
            print(evaluation.table)
        }
    }

    private func measure() throws -> Evaluation {
        // A missing model is told before time goes into reading sentences.
        let classifier = try ModelFile.load(path: model ?? "")
        return try Evaluation.measure(classifier, on: LabelledSentences.read(path: data))
    }

    private func crossValidate() throws -> Evaluation {
        var options = try model.map { try ModelFile.metadata(path: $0).options } ?? LinearTrainer.Options()
        options.seed = seed
        options.folds = folds ?? 5
        let sentences = try LabelledSentences.read(path: data)
        let progress = ProgressLine()
        defer { _ = progress.finish() }
        return try LinearTrainer(options: options).crossValidate(sentences) { progress.show($0) }.evaluation
    }
}
