import ArgumentParser

/// What `make bench` measures from within the program: classification alone, and the stages of the hot path one by one.
/// Results are JSON on standard output.
@main
struct Benchmarks: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures Triage's libraries without a queue.",
        subcommands: [ClassificationCommand.self, StagesCommand.self])
}

/// The input of both commands.
struct InputOptions: ParsableArguments {
    @Option(help: "A model file.")
    var model: String

    @Option(help: "A file with a sentence on each line.")
    var sentences: String
}
