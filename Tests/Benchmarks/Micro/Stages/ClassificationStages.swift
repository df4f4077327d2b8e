import Classification

/// Sentences into features, features into scores, scores into distributions.
struct ClassificationStages {
    private let sentences: [UnsafeRawBufferPointer]
    private let classifier: any Classifier

    init(_ corpus: Corpus, _ classifier: any Classifier) {
        sentences = corpus.sentences
        self.classifier = classifier
    }

    func measure(_ stopwatch: Stopwatch) throws -> [Stopwatch.Reading] {
        let session = try classifier.makeSession()
        let chunks = (classifier.model.labels.count + 7) / 8
        return [
            stopwatch.measure("split into words and fold letters", count: sentences.count) { scan() },
            stopwatch.measure("hash all n-grams", count: sentences.count) { featurise() },
            try stopwatch.measure("classify: features, scores, distribution", count: sentences.count) {
                try classify(session)
            },
            stopwatch.measure("scores into a distribution", count: sentences.count) { softmax(chunks) },
        ]
    }

    private func scan() -> Int {
        forEachWord { _, length in length }
    }

    /// All features of a sentence: what a word that the session has not seen costs. (It remembers the sums of words.)
    private func featurise() -> Int {
        var previous = FeatureHash.sentenceEdge
        return forEachWord { word, length in
            let hash = FeatureHash.word(word, length: length)
            var sum = hash &+ FeatureHash.pair(previous, hash)
            FeatureHash.forEachNgram(in: word, length: length) { sum &+= $0 }
            previous = hash
            return Int(truncatingIfNeeded: sum)
        }
    }

    @inline(__always)
    private func forEachWord(_ body: (_ word: UnsafeRawPointer, _ length: Int) -> Int) -> Int {
        let word = UnsafeMutableRawPointer.allocate(byteCount: WordScanner.bufferSize, alignment: 64)
        defer { word.deallocate() }
        var sum = 0
        for sentence in sentences {
            guard let start = sentence.baseAddress else { continue }
            var scanner = WordScanner(
                start: start.assumingMemoryBound(to: UInt8.self), count: sentence.count, folding: .shared)
            while true {
                let length = scanner.nextWord(into: word)
                if length == 0 { break }
                sum &+= body(word, length)
            }
        }
        return sum
    }

    private func classify(_ session: any ClassifierSession) throws -> Int {
        let classes = classifier.model.labels.count
        let batch = 256
        return try withUnsafeTemporaryAllocation(of: Float.self, capacity: batch * classes) { matrix in
            matrix.initialize(repeating: 0)
            return try sentences.withUnsafeBufferPointer { sentences in
                for start in stride(from: 0, to: sentences.count, by: batch) {
                    let some = UnsafeBufferPointer(rebasing: sentences[start..<min(start + batch, sentences.count)])
                    try session.classify(
                        some, into: UnsafeMutableBufferPointer(rebasing: matrix[..<(some.count * classes)]))
                }
                return Int(matrix[0] * 1e6)
            }
        }
    }

    private func softmax(_ chunks: Int) -> Int {
        withUnsafeTemporaryAllocation(of: SIMD8<Float>.self, capacity: chunks) { scores in
            guard let start = scores.baseAddress else { return 0 }
            for number in sentences.indices {
                scores.initialize(repeating: SIMD8(-1, 2, -3, 4, -5, 6, -7, Float(number % 10)))
                Softmax.apply(start, chunks: chunks)
            }
            return Int(scores[0][0] * 1e6)
        }
    }
}
