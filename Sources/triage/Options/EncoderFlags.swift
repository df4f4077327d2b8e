import ArgumentParser
import Classification

/// The settings of a model's encoder, for commands without a queue.
struct EncoderFlags: ParsableArguments {
    static let threads = 1...256
    static let tokens = EncoderOptions.tokens

    @Option(help: ArgumentHelp("Threads of an encoder.", valueName: "count"))
    var encoderThreads = 1

    @Option(
        help: ArgumentHelp(
            "An encoder reads this many tokens of a sentence. (default: as the model was trained, or 128)",
            valueName: "count"))
    var maxTokens: Int?

    func validate() throws {
        guard Self.threads.contains(encoderThreads) else {
            throw ValidationError("--encoder-threads must be 1 to \(Self.threads.upperBound)")
        }
        guard maxTokens.map(Self.tokens.contains) ?? true else {
            throw ValidationError("--max-tokens must be \(Self.tokens.lowerBound) to \(Self.tokens.upperBound)")
        }
    }

    /// Whether any of the flags was given.
    var isGiven: Bool { encoderThreads != 1 || maxTokens != nil }

    var options: EncoderOptions { EncoderOptions(threads: encoderThreads, maximumTokens: maxTokens) }
}
