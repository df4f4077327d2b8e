import Classification
import Testing

@Suite("The linear classifier")
struct LinearClassifierTests {
    private static let sentences: [String] =
        [
            "un train pour Lyon", "UN TRAIN POUR LYON", "hôtel", "", "   ", "🚄🚄", "xyzzy plugh",
            String(repeating: "un train de nuit pour Nice et un hôtel à Metz ", count: 200),
            String(repeating: "東京", count: 700), "a", "prochain  TGV,vers:Brest",
        ] + Samples.travel.texts

    @Test("Rows sum to 1 and hold no value that is no number")
    func rows() throws {
        let classifier = try Samples.model().makeClassifier()
        let probabilities = try classifier.probabilities(of: Self.sentences)
        for row in Self.sentences.indices {
            let values = probabilities[row * 3..<row * 3 + 3]
            #expect(abs(values.map(Double.init).reduce(0, +) - 1) < 1e-5)
            #expect(values.allSatisfy { $0 >= 0 && $0 <= 1 })
        }
    }

    @Test("It learns what it was shown, and what is like it")
    func learns() throws {
        let classifier = try Samples.model().makeClassifier()
        let evaluation = try Evaluation.measure(classifier, on: Samples.travel)
        #expect(evaluation.accuracy == 1)
        let session = try classifier.makeSession()
        let row = try session.classify("Je cherche une chambre d'hotel à Toulouse", classes: 3)
        #expect(classifier.model.labels == ["hotel", "other", "train"])
        #expect(row[0] > 0.5)
    }

    @Test("A sentence of which the model knows nothing gets the shares of the classes in training, whatever they are")
    func unknown() throws {
        let places = ["Lyon", "Paris", "Nice", "Brest", "Lille"]
        let uneven = [7, 1, 3, 12, 2, 1, 1, 1, 5, 2]
        for counts in [uneven, Array(repeating: 4, count: 5), [1, 99]] {
            let examples = counts.enumerated().flatMap { label, count in
                (0..<count).map { (text: "mot\(label) va à \(places[$0 % 5])", label: "c\(label)") }
            }
            for folds in [0, 3] {
                var options = Samples.quickOptions
                options.folds = folds
                let model = try LinearTrainer(options: options).train(LabelledSentences(examples))
                let session = try model.makeClassifier().makeSession()
                for text in ["zzz", "", "🚄", "xyzzy zzq"] {
                    let row = try session.classify(text, classes: counts.count)
                    for (share, count) in zip(row, counts) {
                        #expect(abs(share - Float(count) / Float(examples.count)) < 1e-4, "\(text): \(row)")
                    }
                }
            }
        }
    }

    @Test("Letter case, accents and the spaces around words do not matter")
    func folding() throws {
        let session = try Samples.model().makeClassifier().makeSession()
        let plain = try session.classify("reserver une chambre a nice", classes: 3)
        #expect(try session.classify("  RÉSERVER  une chambre\tà Nice !", classes: 3) == plain)
    }

    @Test("A sentence's row is the same, to the bit, alone, in any batch, and whatever came before")
    func batches() throws {
        let classifier = try Samples.model().makeClassifier()
        let together = try classifier.probabilities(of: Self.sentences)
        let session = try classifier.makeSession()
        for round in 0..<2 {
            for (row, sentence) in Self.sentences.enumerated().reversed() {
                let alone = try session.classify(sentence, classes: 3)
                #expect(alone == Array(together[row * 3..<row * 3 + 3]), "round \(round), sentence \(row)")
            }
        }
    }

    @Test("Words that push each other out of the session's memory change nothing")
    func manyWords() throws {
        let classifier = try Samples.model().makeClassifier()
        let session = try classifier.makeSession()
        let expected = try session.classify("un train pour Lyon", classes: 3)
        for word in 0..<30_000 { _ = try session.classify("train\(word)", classes: 3) }
        #expect(try session.classify("un train pour Lyon", classes: 3) == expected)
        let fresh = try classifier.makeSession()
        for word in [0, 17, 29_999] {
            #expect(try session.classify("train\(word)", classes: 3) == fresh.classify("train\(word)", classes: 3))
        }
    }

    @Test("Repeating a sentence many times does not change its meaning or overflow")
    func longText() throws {
        let session = try Samples.model().makeClassifier().makeSession()
        let text = String(repeating: "hôtel chambre réserver ", count: 100_000)
        let row = try session.classify(text, classes: 3)
        #expect(row[0] > 0.9)
    }

    @Test("Random bytes are classified, not refused")
    func randomBytes() throws {
        let classifier = try Samples.model().makeClassifier()
        let session = try classifier.makeSession()
        var random = SplitMix(state: 3)
        var row = [Float](repeating: 0, count: 3)
        for _ in 0..<2000 {
            let bytes = (0..<random.below(300)).map { _ in UInt8(random.below(256)) }
            try bytes.withUnsafeBytes { bytes in
                try withUnsafePointer(to: bytes) { sentence in
                    try row.withUnsafeMutableBufferPointer {
                        try session.classify(UnsafeBufferPointer(start: sentence, count: 1), into: $0)
                    }
                }
            }
            #expect(abs(row.reduce(0, +) - 1) < 1e-5)
        }
    }

    @Test("A matrix of another size is refused, and an empty batch is fine")
    func sizes() throws {
        let classifier = try Samples.model().makeClassifier()
        let session = try classifier.makeSession()
        #expect(try classifier.probabilities(of: []) == [])
        let error = #expect(throws: ClassifierError.self) { try session.classify("un train", classes: 4) }
        #expect(error?.code == .wrongMatrixSize)
    }

    @Test("Two to a thousand classes", arguments: [2, 7, 8, 9, 17, 1000])
    func classes(count: Int) throws {
        let examples = (0..<count).flatMap { label in
            (0..<2).map { (text: "mot\(label) sujet\(label) numéro \($0)", label: "c\(label)") }
        }
        let sentences = LabelledSentences(examples)
        var options = Samples.quickOptions
        options.maximumIterations = 15
        let classifier = try LinearTrainer(options: options).train(sentences).makeClassifier()
        let evaluation = try Evaluation.measure(classifier, on: sentences)
        #expect(evaluation.accuracy > 0.95)
        let sum = try classifier.probabilities(of: ["mot1 sujet1"]).map(Double.init).reduce(0, +)
        #expect(abs(sum - 1) < 1e-5)
    }
}
