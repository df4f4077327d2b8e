import ArgumentParser
import Classification
import Foundation
import Messages

struct ClassifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "classify",
        abstract: "Classify sentences without a queue.",
        discussion: """
            Takes the sentences given, or the lines of standard input, and prints one reply a line, as a worker would \
            write it; its id is the number of the line.

              triage classify --model intents.model "un train pour Lyon" "bonjour"
              triage classify --model intents.model < sentences.txt > replies.ndjson
            """)

    @Option(help: ArgumentHelp("A model: a file, or a folder for one with an encoder.", valueName: "path"))
    var model: String

    @OptionGroup var encoder: EncoderFlags

    @Option(help: "The longest sentence, in bytes of UTF-8.")
    var maxTextBytes = 8_192

    @Argument(help: ArgumentHelp("Sentences; without any, the lines of standard input.", valueName: "text"))
    var texts: [String] = []

    func validate() throws {
        guard maxTextBytes > 0 else { throw ValidationError("--max-text-bytes must be 1 or more") }
    }

    func run() async throws {
        let classifier = try ModelFile.load(path: model, encoder: encoder.options)
        var batch = try LineBatch(classifier: classifier, maximumTextBytes: maxTextBytes)
        guard texts.isEmpty else {
            for var text in texts { try text.withUTF8 { try batch.add(UnsafeRawBufferPointer($0)) } }
            return try batch.finish()
        }
        var lines = LineReader(descriptor: STDIN_FILENO)
        while try lines.next({ try batch.add($0) }) != nil {
            // On a terminal answer each line at once; otherwise in batches.
            if isatty(STDIN_FILENO) == 1 { try batch.finish() }
        }
        try batch.finish()
    }
}
