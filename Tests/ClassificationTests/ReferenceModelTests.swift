import Classification
import Testing

@Suite("The fast model against a plain one")
struct ReferenceModelTests {
    private static let texts =
        Samples.travel.texts + [
            "", "!", "un", "Quel TRAIN pour l'Été ?", "hotel hotel hotel", "chambre inconnue zzz", "поезд 東京 😀 train",
            String(repeating: "un train de nuit pour Metz ", count: 50), String(repeating: "réserver", count: 30),
        ]

    @Test("16-bit weights, remembered words and the fast softmax change no probability by 0.001")
    func probabilities() throws {
        let trainer = LinearTrainer(options: Samples.quickOptions)
        let reference = ReferenceModel(trainer.weights(Samples.travel), Samples.travel)
        let session = try trainer.train(Samples.travel).makeClassifier().makeSession()
        for text in Self.texts {
            let fast = try session.classify(text, classes: 3)
            for (value, expected) in zip(fast, reference.probabilities(of: text)) {
                #expect(abs(Double(value) - expected) < 1e-3, "\(text)")
            }
        }
    }

    @Test("Training ends where the gradient is gone, for every feature, merged or not")
    func gradient() {
        var options = Samples.quickOptions
        options.inverseRegularization = 10
        options.classBalance = 0
        options.maximumIterations = 2000
        options.tolerance = 1e-12
        let reference = ReferenceModel(LinearTrainer(options: options).weights(Samples.travel), Samples.travel)
        #expect(reference.largestGradient(Samples.travel, inverseRegularization: 10) < 2e-3)
        options.maximumIterations = 3
        let early = ReferenceModel(LinearTrainer(options: options).weights(Samples.travel), Samples.travel)
        #expect(early.largestGradient(Samples.travel, inverseRegularization: 10) > 2e-2)
    }
}
