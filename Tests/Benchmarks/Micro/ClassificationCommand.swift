import ArgumentParser
import Classification

struct ClassificationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "classification",
        abstract: "Classifies the lines of a file once, on one thread; prints how many a CPU-second takes.")

    @OptionGroup var input: InputOptions

    @Option(help: "Sentences in a batch.")
    var batch = 256

    func run() throws {
        let classifier = try ModelFile.load(path: input.model)
        let session = try classifier.makeSession()
        let sentences = try Corpus(path: input.sentences).sentences
        let classes = classifier.model.labels.count
        let matrix = UnsafeMutableBufferPointer<Float>.allocate(capacity: batch * classes)
        defer { matrix.deallocate() }

        /// Classifies sentences of the corpus batch by batch.
        func classify(_ range: Range<Int>) throws {
            try sentences.withUnsafeBufferPointer { sentences in
                for start in stride(from: range.lowerBound, to: range.upperBound, by: batch) {
                    let some = UnsafeBufferPointer(rebasing: sentences[start..<min(start + batch, range.upperBound)])
                    try session.classify(
                        some, into: UnsafeMutableBufferPointer(rebasing: matrix[..<(some.count * classes)]))
                }
            }
        }

        try classify(0..<min(10_000, sentences.count))
        let start = ThreadTime.seconds
        try classify(0..<sentences.count)
        print("{\"sentences_per_second\": \(Double(sentences.count) / (ThreadTime.seconds - start))}")
    }
}
