import Classification
import Foundation
import Testing

@Suite("Evaluation")
struct EvaluationTests {
    /// Six sentences; a: 2 of 3 right, b: 1 of 2, c: 0 of 1.
    private let evaluation = Evaluation(
        labels: ["a", "b", "c"], targets: [0, 0, 0, 1, 1, 2],
        probabilities: [
            0.8, 0.1, 0.1,
            0.6, 0.3, 0.1,
            0.2, 0.7, 0.1,
            0.1, 0.8, 0.1,
            0.5, 0.4, 0.1,
            0.9, 0.05, 0.05,
        ])

    @Test("Against figures worked out by hand")
    func byHand() {
        #expect(evaluation.sentences == 6)
        #expect(abs(evaluation.accuracy - 3.0 / 6) < 1e-9)
        #expect(evaluation.confusion == [[2, 1, 0], [1, 1, 0], [1, 0, 0]])
        let (first, second, third) = (evaluation.classes[0], evaluation.classes[1], evaluation.classes[2])
        #expect(first.precision == 2.0 / 4 && first.recall == 2.0 / 3 && abs(first.f1 - 4.0 / 7) < 1e-9)
        #expect(second.precision == 0.5 && second.recall == 0.5 && second.f1 == 0.5)
        #expect(third.precision == 0 && third.recall == 0 && third.f1 == 0 && third.support == 1)
        #expect(abs(evaluation.macroF1 - (4.0 / 7 + 0.5 + 0) / 3) < 1e-9)
        let loss = [0.8, 0.6, 0.2, 0.8, 0.4, 0.05].reduce(0) { $0 - log($1) } / 6
        #expect(abs(evaluation.logLoss - loss) < 1e-6)
        // Bins of 1/15: 0.8 twice (2 right) in bin 12, 0.6 (right) in 9, 0.7 (wrong) in 10, 0.5 (wrong) in 7, 0.9 (wrong) in 13.
        let error = (0.4 + 0.4 + 0.7 + 0.5 + 0.9) / 6.0
        #expect(abs(evaluation.calibrationError - error) < 1e-6)
    }

    @Test("Ties go to the first class, and certainty is in the last bin")
    func edges() {
        let tie = Evaluation(labels: ["a", "b"], targets: [0], probabilities: [0.5, 0.5])
        #expect(tie.confusion == [[1, 0], [0, 0]])
        #expect(tie.macroF1 == 1, "a class that neither occurs nor is given does not count")
        let certain = Evaluation(labels: ["a", "b"], targets: [0, 1], probabilities: [1, 0, 0, 1])
        #expect(certain.calibrationError == 0 && certain.logLoss == 0)
        let wrong = Evaluation(labels: ["a", "b"], targets: [1], probabilities: [1, 0])
        #expect(wrong.logLoss.isFinite && wrong.calibrationError == 1)
        #expect(Evaluation(labels: ["a", "b"], targets: [], probabilities: []).accuracy == 0)
    }

    @Test("It goes through JSON unchanged")
    func json() throws {
        let data = try JSONEncoder().encode(evaluation)
        #expect(try JSONDecoder().decode(Evaluation.self, from: data) == evaluation)
    }

    @Test("The table names every class and figure")
    func table() {
        let lines = evaluation.table.split(separator: "\n").map(String.init)
        #expect(lines.contains("accuracy           0.500"))
        #expect(lines.contains { $0.hasPrefix("a ") && $0.hasSuffix("0.500   0.667  0.571        3") })
        #expect(lines.contains { $0.hasPrefix("  2 b") && $0.hasSuffix("1    1    0") })
    }

    @Test("Sentences of a class that the model does not know are refused; fewer classes than the model's are fine")
    func measure() throws {
        let classifier = try Samples.model().makeClassifier()
        let few = LabelledSentences([(text: "un train pour Brest", label: "train")])
        let evaluation = try Evaluation.measure(classifier, on: few)
        #expect(evaluation.accuracy == 1)
        #expect(evaluation.classes.map(\.support) == [0, 0, 1])
        let unknown = LabelledSentences([(text: "un vol", label: "flight")])
        let error = #expect(throws: LinearTrainer.Refusal.self) { try Evaluation.measure(classifier, on: unknown) }
        #expect(error?.description.contains("flight") == true)
    }

    @Test("Cross-validation measures every sentence once, by a model that has not seen it")
    func crossValidation() throws {
        var options = Samples.quickOptions
        options.folds = 5
        let validation = try LinearTrainer(options: options).crossValidate(Samples.travel)
        #expect(validation.evaluation.sentences == 60)
        #expect(validation.folds.map(\.sentences) == [12, 12, 12, 12, 12])
        // Classes that are dealt by chance cannot be foretold: a model that has seen its sentences would be right.
        var random = SplitMix(state: 11)
        let noise = LabelledSentences(
            (0..<200).map { (text: "mot\($0) autre\($0 * 7)", label: random.below(2) == 0 ? "a" : "b") })
        let chance = try LinearTrainer(options: options).crossValidate(noise).evaluation
        #expect(chance.accuracy < 0.65)
        #expect(chance.logLoss < 0.75, "calibration keeps such a model from being sure")
    }
}
