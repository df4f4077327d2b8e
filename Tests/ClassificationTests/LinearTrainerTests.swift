import Classification
import Foundation
import Synchronization
import Testing

@Suite("Training")
struct LinearTrainerTests {
    @Test("The same sentences, options and seed give the same bytes; another seed does not")
    func deterministic() throws {
        var options = Samples.quickOptions
        options.folds = 3
        let first = try LinearTrainer(options: options).train(Samples.travel)
        let second = try LinearTrainer(options: options).train(Samples.travel)
        #expect(first.bytes == second.bytes)
        options.seed = 2
        #expect(try LinearTrainer(options: options).train(Samples.travel).bytes != first.bytes)
    }

    @Test("Cross-validated scores and a temperature are in the metadata")
    func scores() throws {
        var options = Samples.quickOptions
        options.folds = 4
        let model = try LinearTrainer(options: options).train(Samples.travel)
        let metadata = model.metadata
        let scores = try #require(metadata.scores)
        #expect(model.validation?.accuracy == scores.accuracy)
        #expect(model.validation?.sentences == 60)
        #expect(scores.folds == 4)
        #expect(scores.accuracy > 0.95)
        #expect((0.2...5).contains(metadata.temperature))
        #expect(metadata.options == options)
        #expect(try Samples.model().metadata.scores == nil)
    }

    @Test("Progress goes up to 1, one call at a time")
    func progress() throws {
        var options = Samples.quickOptions
        options.folds = 2
        let fractions = Mutex<[Double]>([])
        _ = try LinearTrainer(options: options).train(Samples.travel) { progress in
            fractions.withLock { $0.append(progress.fraction) }
        }
        let seen = fractions.withLock { $0 }
        #expect(seen.count > 3)
        #expect(seen == seen.sorted())
        #expect(seen.last == 1)
    }

    @Test("The less a model may keep to the sentences, the more even its probabilities are")
    func regularization() throws {
        var confidences: [Float] = []
        for strength in [0.001, 0.1, 10, 1000] {
            var options = Samples.quickOptions
            options.inverseRegularization = strength
            let classifier = try LinearTrainer(options: options).train(Samples.travel).makeClassifier()
            confidences.append(try classifier.probabilities(of: ["un train pour Lyon demain matin"])[2])
        }
        #expect(confidences == confidences.sorted())
        #expect(confidences[0] < 0.4)
        #expect(confidences[3] > 0.95)
    }

    @Test("Class balance lifts a rare class")
    func classBalance() throws {
        let examples = LabelledSentences(
            (0..<40).map { (text: "phrase commune \($0 % 7)", label: "common") }
                + (0..<4).map { (text: "phrase rare \($0)", label: "rare") })
        var options = Samples.quickOptions
        options.inverseRegularization = 0.5
        let plain = try LinearTrainer(options: options).train(examples).makeClassifier()
        options.classBalance = 1
        let balanced = try LinearTrainer(options: options).train(examples).makeClassifier()
        #expect(try balanced.probabilities(of: ["phrase"])[1] > plain.probabilities(of: ["phrase"])[1] + 0.1)
    }

    @Test("What cannot be trained on is refused, in words")
    func refusals() throws {
        let single = LabelledSentences([(text: "un", label: "a"), (text: "deux", label: "a")])
        let pair = LabelledSentences([(text: "un", label: "a"), (text: "deux", label: "b")])
        #expect(throws: LinearTrainer.Refusal.self) { try LinearTrainer().train(single) }
        #expect(throws: LinearTrainer.Refusal.self) { try LinearTrainer().train(pair) }
        var options = Samples.quickOptions
        _ = try LinearTrainer(options: options).train(pair)
        options.folds = 1
        #expect(throws: LinearTrainer.Refusal.self) { try LinearTrainer(options: options).train(pair) }
        options.folds = 0
        options.inverseRegularization = 0
        #expect(throws: LinearTrainer.Refusal.self) { try LinearTrainer(options: options).train(pair) }
    }
}

@Suite("Folds and temperature")
struct FoldTests {
    @Test("Every fold has its share of every class, and every sentence is in one fold")
    func stratified() {
        let sentences = LabelledSentences(
            (0..<103).map { (text: "\($0)", label: $0 % 10 == 0 ? "rare" : $0 % 3 == 0 ? "some" : "many") })
        let folds = StratifiedFolds(sentences, count: 5, seed: 9)
        #expect((0..<5).flatMap(folds.inside).sorted() == Array(0..<103))
        for fold in 0..<5 {
            #expect(Set(folds.inside(fold) + folds.outside(fold)).count == 103)
            for label in sentences.labels.indices {
                let share = folds.inside(fold).count { sentences.targets[$0] == label }
                #expect(abs(Double(share) - Double(sentences.counts[label]) / 5) < 1)
            }
        }
    }

    @Test("The seed decides the shuffle")
    func seeds() {
        func folds(_ seed: UInt64) -> [Int] {
            StratifiedFolds(Samples.travel, count: 3, seed: seed).foldOfSentence
        }
        #expect(folds(1) == folds(1))
        #expect(folds(1) != folds(2))
    }

    @Test("The temperature of probabilities that are sharpened by 2 is 2, and undoes it")
    func temperature() {
        // Draws from known distributions, then squares them.
        var random = SplitMix(state: 5)
        var sharpened: [Float] = []
        var targets: [Int] = []
        for _ in 0..<20_000 {
            let chance = 0.5 + Float(random.below(4000)) / 10_000
            targets.append(Float(random.below(1_000_000)) / 1_000_000 < chance ? 0 : 1)
            sharpened += Temperature.apply(0.5, to: [chance, 1 - chance][...])
        }
        let fitted = Temperature.fit(sharpened, targets: targets, classes: 2)
        #expect(abs(fitted - 2) < 0.1)
        let restored = Temperature.apply(2, to: Temperature.apply(0.5, to: [0.7, 0.3][...])[...])
        #expect(abs(restored[0] - 0.7) < 1e-5)
    }
}
