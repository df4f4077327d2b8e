internal import Foundation
internal import Synchronization

/// Trains the sparse linear model: multinomial logistic regression over words, word pairs and character n-grams.
///
/// The same sentences, options and seed give the same bytes on any number of cores.
package struct LinearTrainer: Sendable {
    /// Training options; stored in the model, so that a training can be repeated.
    package struct Options: Sendable, Hashable, Codable {
        /// The name of the model.
        package var name = "triage"
        /// The language of the sentences, a BCP 47 tag, or `und`.
        package var language = "und"
        /// Seeds the folds of cross-validation.
        package var seed: UInt64 = 1
        /// The number of cross-validation folds, which give the model's scores and temperature; 0 for none.
        package var folds = 5
        /// C, the inverse regularization strength: the greater, the closer the fit to the training sentences.
        package var inverseRegularization = 150.0
        /// Features that occur in fewer sentences are not used.
        package var minimumSentences = 1
        /// At 0 every sentence has the same weight, at 1 every class.
        package var classBalance = 0.2
        /// The factor of words relative to character n-grams.
        package var wordFactor = 2.0
        /// The factor of word pairs relative to character n-grams.
        package var pairFactor = 2.0
        /// The share of answers that has to be right: the lowest threshold at which it is, by cross-validation, goes into
        /// the model. Nil for no threshold.
        package var targetPrecision: Double?
        /// The maximum number of optimiser steps.
        package var maximumIterations = 200
        /// The optimiser stops when a step lowers the loss by less than this fraction.
        package var tolerance = 1e-5

        /// The defaults.
        package init() {}

        func factor(of family: FeatureCorpus.Family) -> Double {
            switch family {
            case .word: wordFactor
            case .pair: pairFactor
            case .ngram: 1
            }
        }
    }

    /// The progress of a training.
    package struct Progress: Sendable, Hashable {
        /// The share done, from 0 to 1.
        package var fraction: Double
        /// The current activity, human-readable.
        package var activity: String
    }

    /// Why a training was rejected.
    package struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
        /// One human-readable line.
        package let description: String
    }

    /// The training options.
    package var options: Options

    /// Makes a trainer.
    package init(options: Options = Options()) { self.options = options }

    /// Trains a model on all sentences, after cross-validation with `options.folds` folds.
    ///
    /// Uses all cores; takes seconds for thousands of sentences.
    /// - Parameter progress: Called occasionally, on any thread, one call at a time.
    /// - Throws: `Refusal` if the sentences or options are unsuitable.
    package func train(
        _ sentences: LabelledSentences, progress: (@Sendable (Progress) -> Void)? = nil
    ) throws(Refusal) -> LinearModel {
        try trainAndValidate(sentences, progress: progress).model
    }

    /// The same, with what the cross-validation found; nil without folds.
    func trainAndValidate(
        _ sentences: LabelledSentences, progress: (@Sendable (Progress) -> Void)? = nil
    ) throws(Refusal) -> (model: LinearModel, validation: CrossValidation?) {
        try check(sentences)
        let report = ProgressReport(parts: options.folds + 1, progress)
        let folds = options.folds > 0 ? StratifiedFolds(sentences, count: options.folds, seed: options.seed) : nil
        let all = Array(sentences.texts.indices)
        let parts = fit(sentences, (0..<options.folds).map { folds?.outside($0) ?? all } + [all], report)
        var metadata = blankMetadata(sentences)
        var evaluation: Evaluation?
        var crossValidation: CrossValidation?
        if let folds {
            let validation = try CrossValidation(sentences, folds) { fold in
                parts[fold].makeModel(metadata)
            }
            crossValidation = validation
            evaluation = validation.evaluation
            metadata.temperature = validation.temperature
            metadata.scores = ModelMetadata.Scores(
                folds: options.folds, accuracy: validation.evaluation.accuracy,
                macroF1: validation.evaluation.macroF1, logLoss: validation.evaluation.logLoss,
                calibrationError: validation.evaluation.calibrationError)
            if let target = options.targetPrecision {
                metadata.decision = try decision(validation.predictions, target: target)
                evaluation?.riskCoverage = RiskCoverage(validation.predictions, chosen: metadata.decision?.threshold)
            }
        }
        var model = parts[options.folds].makeModel(metadata)
        model.validation = evaluation
        report.finish()
        return (model, crossValidation)
    }

    func decision(
        _ predictions: [Prediction], target: Double
    ) throws(Refusal) -> ModelMetadata.Decision {
        guard let point = RiskCoverage.threshold(of: predictions, precision: target) else {
            throw Refusal(
                description:
                    "no threshold reaches a precision of \(target): by cross-validation even the surest answers "
                    + "are right less often; take a lower --target-precision, or more sentences")
        }
        return ModelMetadata.Decision(
            targetPrecision: target, threshold: point.threshold, coverage: point.coverage, precision: point.accuracy)
    }

    /// Cross-validates without making a model.
    /// - Throws: `Refusal` if the sentences or options are unsuitable.
    package func crossValidate(
        _ sentences: LabelledSentences, progress: (@Sendable (Progress) -> Void)? = nil
    ) throws(Refusal) -> CrossValidation {
        try check(sentences)
        guard options.folds > 1 else { throw Refusal(description: "cross-validation needs at least 2 folds") }
        let report = ProgressReport(parts: options.folds, progress)
        let folds = StratifiedFolds(sentences, count: options.folds, seed: options.seed)
        let parts = fit(sentences, (0..<options.folds).map(folds.outside), report)
        let metadata = blankMetadata(sentences)
        let validation = try CrossValidation(sentences, folds) { parts[$0].makeModel(metadata) }
        report.finish()
        return validation
    }

    /// Fits weights to all sentences, without making a model.
    package func weights(_ sentences: LabelledSentences) -> LinearWeights {
        fit(sentences, [Array(sentences.texts.indices)], ProgressReport(parts: 1, nil))[0]
    }

    /// Fits one set of weights per part, on all cores.
    private func fit(_ sentences: LabelledSentences, _ parts: [[Int]], _ report: ProgressReport) -> [LinearWeights] {
        let corpus = FeatureCorpus(sentences.texts)
        let results = Mutex([LinearWeights](repeating: LinearWeights(), count: parts.count))
        DispatchQueue.concurrentPerform(iterations: parts.count) { part in
            let weights = fit(corpus, sentences, parts[part], part, report)
            results.withLock { $0[part] = weights }
        }
        return results.withLock { $0 }
    }

    private func fit(
        _ corpus: FeatureCorpus, _ sentences: LabelledSentences, _ rows: [Int], _ part: Int, _ report: ProgressReport
    ) -> LinearWeights {
        let matrix = DesignMatrix(corpus, sentences: rows, options: options)
        let problem = LinearProblem(
            matrix, targets: rows.map { Int32(sentences.targets[$0]) }, classWeights: classWeights(sentences, rows),
            inverseRegularization: options.inverseRegularization)
        // With many classes each stored step is large: keep fewer.
        let history = problem.pointCount > 1 << 22 ? 4 : 6
        let optimizer = LimitedMemoryBFGS(
            maximumIterations: options.maximumIterations, tolerance: options.tolerance, history: history)
        let point = optimizer.minimize(count: problem.pointCount, evaluate: problem.evaluate) { iteration in
            // Most trainings converge after about a hundred steps.
            report.update(part: part, fraction: 1 - 50 / Double(50 + iteration))
        }
        defer { point.deallocate() }
        let weights = problem.weights(at: point, hashes: corpus.hashes)
        report.update(part: part, fraction: 1)
        return weights
    }

    func classWeights(_ sentences: LabelledSentences, _ rows: [Int]) -> [Float] {
        var counts = [Double](repeating: 0, count: sentences.labels.count)
        for row in rows { counts[sentences.targets[row]] += 1 }
        let raw = counts.map { $0 > 0 ? pow($0, -options.classBalance) : 0 }
        let total = zip(raw, counts).reduce(0) { $0 + $1.0 * $1.1 }
        return raw.map { Float($0 * Double(rows.count) / total) }
    }

    private func blankMetadata(_ sentences: LabelledSentences) -> ModelMetadata {
        ModelMetadata(
            name: options.name, language: options.language, labels: sentences.labels,
            trainingData: .init(
                sha256: sentences.digest, sentences: sentences.texts.count,
                sentencesOfClass: sentences.counts),
            scores: nil, options: options, temperature: 1)
    }

    func check(_ sentences: LabelledSentences) throws(Refusal) {
        guard sentences.labels.count >= 2 else {
            throw Refusal(
                description: "training needs at least 2 classes, and there is only “\(sentences.labels.first ?? "")”")
        }
        guard sentences.labels.count <= LinearLayout.mostClasses else {
            throw Refusal(
                description:
                    "there are \(sentences.labels.count) classes; at most \(LinearLayout.mostClasses) are possible")
        }
        guard options.folds == 0 || options.folds >= 2 else {
            throw Refusal(description: "cross-validation needs at least 2 folds, or 0 for none")
        }
        guard options.targetPrecision.map({ 0 < $0 && $0 < 1 }) ?? true else {
            throw Refusal(description: "the precision to reach must be greater than 0 and less than 1")
        }
        guard options.targetPrecision == nil || options.folds > 0 else {
            throw Refusal(description: "a precision to reach needs cross-validation, so --folds 2 or more")
        }
        guard options.folds <= sentences.texts.count else {
            throw Refusal(
                description: "cross-validation with \(options.folds) folds needs as many sentences, and there are "
                    + "\(sentences.texts.count); --folds 0 trains without")
        }
        guard (1e-6...1e9).contains(options.inverseRegularization) else {
            throw Refusal(description: "the inverse regularization must be from 0.000001 to 1000000000")
        }
        guard [options.wordFactor, options.pairFactor].allSatisfy({ (1e-3...1e3).contains($0) }),
            (0...1).contains(options.classBalance)
        else {
            throw Refusal(description: "factors must be from 0.001 to 1000, and the class balance from 0 to 1")
        }
    }
}

/// Combines the progress of parts that train concurrently.
final class ProgressReport: Sendable {
    private let fractions: Mutex<[Double]>
    private let report: (@Sendable (LinearTrainer.Progress) -> Void)?

    init(parts: Int, _ report: (@Sendable (LinearTrainer.Progress) -> Void)?) {
        fractions = Mutex(Array(repeating: 0, count: parts))
        self.report = report
    }

    func update(part: Int, fraction: Double) {
        guard let report else { return }
        // Under the lock, so that calls do not overlap and the fraction never decreases.
        fractions.withLock { fractions in
            fractions[part] = max(fractions[part], fraction)
            let done = fractions.count { $0 >= 1 }
            report(
                .init(
                    fraction: fractions.reduce(0, +) / Double(fractions.count),
                    activity: "training, \(done) of \(fractions.count) parts done"))
        }
    }

    func finish() {
        report?(.init(fraction: 1, activity: "trained"))
    }
}
