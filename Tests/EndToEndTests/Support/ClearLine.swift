import Testing

/// Expects one line for a person on the standard error of a program that gave up, and no trace of the code. Notices, as when
/// a worker says that it starts, may come before.
func expectOneClearLine(
    _ errors: String, mentioning words: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
) {
    let lines = errors.split(separator: "\n").filter { !$0.contains(" notice ") }
    #expect(lines.count == 1 && lines[0].hasPrefix("triage: "), "\(errors)", sourceLocation: sourceLocation)
    for trace in ["Fatal error", ".swift:", "Backtrace", "Swift.", "KafkaError(", "rd_kafka"] {
        #expect(!errors.contains(trace), "\(errors)", sourceLocation: sourceLocation)
    }
    for word in words { #expect(errors.contains(word), "\(errors)", sourceLocation: sourceLocation) }
}
