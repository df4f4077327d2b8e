import ArgumentParser
import Classification

/// The source of labelled sentences.
struct DataFlags: ParsableArguments {
    @Option(help: ArgumentHelp("Labelled sentences: a file, a pipe, or - for standard input.", valueName: "file"))
    var data: String

    @Option(
        help: ArgumentHelp(
            "The sentence's column, or a JSON field's name or pointer. (default: the first of text, sentence, "
                + "utterance, query, message, title that is there)",
            valueName: "name"))
    var textColumn: String?

    @Option(
        help: ArgumentHelp(
            "The class's column, or a JSON field's name or pointer. (default: the first of label, intent, category, "
                + "class, target that is there)",
            valueName: "name"))
    var labelColumn: String?

    func read() throws -> SentenceFile {
        try SentenceFile.read(path: data, columns: SentenceColumns(text: textColumn, label: labelColumn))
    }

    /// The flags as typed on a command line.
    var typed: String {
        let flags = [("--data", data), ("--text-column", textColumn), ("--label-column", labelColumn)]
        return flags.compactMap { flag, value in value.map { "\(flag) \($0.shellQuoted)" } }.joined(separator: " ")
    }
}
