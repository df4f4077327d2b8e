/// The quality of training options on unseen sentences: every sentence is classified by a model trained on the other
/// folds, calibrated without the sentence's own fold.
package struct CrossValidation: Sendable {
    /// The metrics over all sentences.
    package let evaluation: Evaluation
    /// The metrics of each fold.
    package let folds: [Evaluation]
    /// The class that was predicted for each sentence.
    let predictions: [Prediction]
    /// The held-out probabilities before calibration, row-major, and of which sentences the model knew anything.
    let raw: [Float]
    let known: [Bool]
    /// The temperature that best fits all held-out sentences: used for the model trained on all of them.
    package let temperature: Double

    /// The temperature that best fits some of the held-out sentences.
    func temperature(of rows: [Int], _ sentences: LabelledSentences) -> Double {
        let classes = sentences.labels.count
        return Temperature.fit(
            rows.flatMap { raw[$0 * classes..<($0 + 1) * classes] }, targets: rows.map { sentences.targets[$0] },
            classes: classes)
    }

    /// - Parameter model: The model trained without the fold.
    init(
        _ sentences: LabelledSentences, _ split: StratifiedFolds, model: (_ fold: Int) -> LinearModel
    ) throws(LinearTrainer.Refusal) {
        let classes = sentences.labels.count
        var raw = [Float](repeating: 0, count: sentences.texts.count * classes)
        var known = [Bool](repeating: true, count: sentences.texts.count)
        let rows = (0..<split.count).map(split.inside)
        for fold in 0..<split.count {
            let result: (probabilities: [Float], outcomes: [SentenceOutcome])
            do {
                let classifier = try model(fold).makeClassifier()
                result = try classifier.predictions(of: rows[fold].map { sentences.texts[$0] })
            } catch {
                throw LinearTrainer.Refusal(description: "fold \(fold + 1) failed: \(error)")
            }
            for (place, row) in rows[fold].enumerated() {
                raw.replaceSubrange(
                    row * classes..<(row + 1) * classes,
                    with: result.probabilities[place * classes..<(place + 1) * classes])
                known[row] = !result.outcomes[place].contains(.unknown)
            }
        }
        temperature = Temperature.fit(raw, targets: sentences.targets, classes: classes)

        var calibrated = raw
        var evaluations: [Evaluation] = []
        for fold in 0..<split.count {
            let others = split.outside(fold)
            let own = Temperature.fit(
                others.flatMap { raw[$0 * classes..<($0 + 1) * classes] },
                targets: others.map { sentences.targets[$0] }, classes: classes)
            for row in rows[fold] {
                let range = row * classes..<(row + 1) * classes
                calibrated.replaceSubrange(range, with: Temperature.apply(own, to: raw[range]))
            }
            evaluations.append(
                Evaluation(
                    labels: sentences.labels, targets: rows[fold].map { sentences.targets[$0] },
                    probabilities: rows[fold].flatMap { calibrated[$0 * classes..<($0 + 1) * classes] },
                    known: rows[fold].map { known[$0] }))
        }
        folds = evaluations
        evaluation = Evaluation(
            labels: sentences.labels, targets: sentences.targets, probabilities: calibrated, known: known)
        self.raw = raw
        self.known = known
        predictions = Prediction.of(
            probabilities: calibrated, targets: sentences.targets, classes: classes, known: known
        ).map(\.prediction)
    }
}
