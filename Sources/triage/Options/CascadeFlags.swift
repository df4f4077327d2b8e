import ArgumentParser
import Classification

/// When the encoder of a cascade is asked.
struct CascadeFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "When the encoder is asked: always, off (never), or where the linear model is less sure than a number from 0 "
                + "to 1. (default: as seldom as costs no more than 0.2 points of accuracy, by cross-validation)",
            valueName: "when"))
    var cascade: String?

    func validate() throws { _ = try choice }

    /// Nil if it is not said.
    var choice: CascadeChoice? {
        get throws {
            switch cascade {
            case nil: return nil
            case "always": return .always
            case "off": return .never
            case let text?:
                guard let confidence = Double(text), (0...1).contains(confidence) else {
                    throw ValidationError("--cascade must be always, off or a number from 0 to 1, not '\(text)'")
                }
                return .below(confidence)
            }
        }
    }
}
