internal import Foundation
internal import Synchronization

/// Trains a cascade: a linear model, a head on a frozen encoder, and what each of them says.
///
/// The same sentences, encoder, options and seed give the same folder on machines whose processors compute alike.
package struct CascadeTrainer: Sendable {
    /// The options of the linear model; the folds, the seed and the target precision are those of both.
    package var options: LinearTrainer.Options
    package var cascade: CascadeChoice
    /// C of the head, the inverse regularization strength, for embeddings with a mean squared length of 1.
    package var headInverseRegularization = 1.0

    private let encoder: TextEncoder

    /// - Parameter encoder: the encoder, with its settings.
    package init(options: LinearTrainer.Options, encoder: TextEncoder, cascade: CascadeChoice = .learnt) {
        self.options = options
        self.encoder = encoder
        self.cascade = cascade
    }

    /// Trains on all sentences, after cross-validation.
    ///
    /// - Parameter progress: Called occasionally, on any thread, one call at a time.
    /// - Throws: `Refusal` if the sentences or options are unsuitable; `ClassifierError` if the encoder fails.
    package func train(
        _ sentences: LabelledSentences, progress: (@Sendable (LinearTrainer.Progress) -> Void)? = nil
    ) throws -> CascadeModel {
        try check(sentences)
        var linearOptions = options
        linearOptions.targetPrecision = nil
        let (linear, validation) = try LinearTrainer(options: linearOptions).trainAndValidate(sentences) {
            progress?(.init(fraction: $0.fraction / 3, activity: "linear model: \($0.activity)"))
        }
        guard let validation else { throw LinearTrainer.Refusal(description: Self.needsFolds) }
        let folds = StratifiedFolds(sentences, count: options.folds, seed: options.seed)
        let embeddings = try embed(sentences.texts) {
            progress?(.init(fraction: (1 + $0) / 3, activity: "embedding"))
        }
        let all = Array(sentences.texts.indices)
        let heads = fit(embeddings, sentences, (0..<options.folds).map(folds.outside) + [all]) {
            progress?(.init(fraction: (2 + $0) / 3, activity: "head: training"))
        }
        let held = heldOut(validation, folds, heads, embeddings, sentences)
        let (evaluation, predictions) = evaluate(held, validation, folds, sentences)
        let decision = try options.targetPrecision.map {
            try LinearTrainer(options: options).decision(predictions, target: $0)
        }
        let blend = held.learn(cascade)
        let share = Double(held.answers(blend).asked.count { $0 }) / Double(max(1, sentences.texts.count))
        progress?(.init(fraction: 1, activity: "trained"))
        let metadata = CascadeMetadata(
            name: options.name, language: options.language, labels: sentences.labels,
            trainingData: .init(
                sha256: sentences.digest, sentences: sentences.texts.count, sentencesOfClass: sentences.counts),
            scores: .init(
                folds: options.folds, accuracy: evaluation.accuracy, macroF1: evaluation.macroF1,
                logLoss: evaluation.logLoss, calibrationError: evaluation.calibrationError),
            decision: decision, options: options,
            encoder: .init(
                name: encoder.name, sha256: encoder.digest, dimensions: encoder.width, precision: encoder.precision,
                license: encoder.description.license),
            maximumTokens: encoder.maximumTokens, blend: blend,
            learnsThreshold: cascade == .learnt, encoderShare: share)
        var model = CascadeModel(
            metadata: metadata, linear: linear, head: heads[options.folds], encoder: encoder, validation: evaluation)
        model.validation.riskCoverage = RiskCoverage(predictions, chosen: decision?.threshold)
        return model
    }

    /// Cross-validates without making a model: weights, temperatures and threshold come from the other folds too.
    package func crossValidate(
        _ sentences: LabelledSentences, progress: (@Sendable (LinearTrainer.Progress) -> Void)? = nil
    ) throws -> Evaluation {
        try check(sentences)
        let validation = try LinearTrainer(options: options).crossValidate(sentences) {
            progress?(.init(fraction: $0.fraction / 3, activity: "linear model: \($0.activity)"))
        }
        let folds = StratifiedFolds(sentences, count: options.folds, seed: options.seed)
        let embeddings = try embed(sentences.texts) {
            progress?(.init(fraction: (1 + $0) / 3, activity: "embedding"))
        }
        let heads = fit(embeddings, sentences, (0..<options.folds).map(folds.outside)) {
            progress?(.init(fraction: (2 + $0) / 3, activity: "head: training"))
        }
        let held = heldOut(validation, folds, heads, embeddings, sentences)
        return evaluate(held, validation, folds, sentences).evaluation
    }

    private static let needsFolds = "a model with an encoder needs cross-validation: --folds 2 or more"

    private func check(_ sentences: LabelledSentences) throws(LinearTrainer.Refusal) {
        try LinearTrainer(options: options).check(sentences)
        guard options.folds > 1 else { throw LinearTrainer.Refusal(description: Self.needsFolds) }
        if case .below(let confidence) = cascade, !(0...1).contains(confidence) {
            throw LinearTrainer.Refusal(description: "the cascade's threshold must be from 0 to 1")
        }
    }

    /// The embeddings of all sentences, each computed once, on all cores.
    private func embed(_ texts: [String], progress: @Sendable (Double) -> Void) throws -> Embeddings {
        let width = encoder.width
        let groups = stride(from: 0, to: texts.count, by: 256).map { $0..<min($0 + 256, texts.count) }
        // Each has a copy of the network's weights.
        let workers = max(1, min(groups.count, ProcessInfo.processInfo.activeProcessorCount, 8))
        let state = Mutex((next: 0, done: 0, values: [Float](repeating: 0, count: texts.count * width), failed: false))
        DispatchQueue.concurrentPerform(iterations: workers) { _ in
            guard let engine = try? encoder.makeEngine() else { return state.withLock { $0.failed = true } }
            while let group = state.withLock({ state in
                defer { state.next += 1 }
                return state.next < groups.count && !state.failed ? groups[state.next] : nil
            }) {
                var rows = [Float](repeating: 0, count: group.count * width)
                do {
                    try engine.embed(texts[group]) { index, row in
                        rows.replaceSubrange(index * width..<(index + 1) * width, with: row)
                    }
                } catch {
                    return state.withLock { $0.failed = true }
                }
                state.withLock { state in
                    state.values.replaceSubrange(group.lowerBound * width..<group.upperBound * width, with: rows)
                    state.done += 1
                    progress(Double(state.done) / Double(groups.count))
                }
            }
        }
        let (values, failed) = state.withLock { ($0.values, $0.failed) }
        guard !failed else { throw ClassifierError.backend(encoder.name) }
        if let place = values.firstIndex(where: { !$0.isFinite || abs($0) > 1e4 }) {
            throw LinearTrainer.Refusal(
                description:
                    "the encoder \(encoder.name) gives sentence \(place / width + 1) numbers that are none, or far too "
                    + "large; it is damaged, or not meant for single precision")
        }
        return Embeddings(values, width: width).standardised()
    }

    /// Fits one head per part, on all cores.
    private func fit(
        _ embeddings: Embeddings, _ sentences: LabelledSentences, _ parts: [[Int]],
        progress: @Sendable (Double) -> Void
    ) -> [EmbeddingHead] {
        let results = Mutex([EmbeddingHead?](repeating: nil, count: parts.count))
        let trainer = LinearTrainer(options: options)
        DispatchQueue.concurrentPerform(iterations: parts.count) { part in
            let problem = DenseProblem(
                embeddings, rows: parts[part], targets: sentences.targets,
                classWeights: trainer.classWeights(sentences, parts[part]),
                inverseRegularization: headInverseRegularization)
            let optimizer = LimitedMemoryBFGS(
                maximumIterations: options.maximumIterations, tolerance: options.tolerance, history: 6)
            let point = optimizer.minimize(
                count: problem.pointCount, evaluate: problem.evaluate, progress: { _ in })
            defer { point.deallocate() }
            let head = embeddings.head(at: point, classes: sentences.labels.count)
            results.withLock { results in
                results[part] = head
                progress(Double(results.count { $0 != nil }) / Double(parts.count))
            }
        }
        return results.withLock { $0.compactMap(\.self) }
    }

    /// The probabilities that both models give to sentences that they were not trained on.
    private func heldOut(
        _ validation: CrossValidation, _ folds: StratifiedFolds, _ heads: [EmbeddingHead], _ embeddings: Embeddings,
        _ sentences: LabelledSentences
    ) -> HeldOut {
        let classes = sentences.labels.count
        var head = [Float](repeating: 0, count: sentences.texts.count * classes)
        let scores = UnsafeMutablePointer<SIMD8<Float>>.allocate(capacity: (classes + 7) / 8)
        defer { scores.deallocate() }
        for row in sentences.texts.indices {
            embeddings.original(row).withUnsafeBufferPointer {
                heads[folds.foldOfSentence[row]].classify($0.baseAddress!, temperature: 1, into: scores)
            }
            let lanes = UnsafeRawPointer(scores).assumingMemoryBound(to: Float.self)
            for label in 0..<classes { head[row * classes + label] = lanes[label] }
        }
        return HeldOut(
            linear: Temperature.apply(validation.temperature, toRowsOf: validation.raw, classes: classes),
            known: validation.known, head: head, targets: sentences.targets, classes: classes)
    }

    /// The metrics of a cascade that is learnt, for each fold, from the others.
    private func evaluate(
        _ held: HeldOut, _ validation: CrossValidation, _ folds: StratifiedFolds, _ sentences: LabelledSentences
    ) -> (evaluation: Evaluation, predictions: [Prediction]) {
        let classes = sentences.labels.count
        var probabilities = held.linear
        var known = held.known
        for fold in 0..<folds.count {
            let (inside, outside) = (folds.inside(fold), folds.outside(fold))
            // The linear model's temperature too comes from the other folds alone.
            var held = held
            held.linear = Temperature.apply(
                validation.temperature(of: outside, sentences), toRowsOf: validation.raw, classes: classes)
            let part = held.rows(inside).answers(held.rows(outside).learn(cascade))
            for (place, row) in inside.enumerated() {
                known[row] = known[row] || part.asked[place]
                probabilities.replaceSubrange(
                    row * classes..<(row + 1) * classes,
                    with: part.probabilities[place * classes..<(place + 1) * classes])
            }
        }
        let evaluation = Evaluation(
            labels: sentences.labels, targets: sentences.targets, probabilities: probabilities, known: known)
        let predictions = Prediction.of(
            probabilities: probabilities, targets: sentences.targets, classes: classes, known: known)
        return (evaluation, predictions.map(\.prediction))
    }
}

/// A trained cascade, before it is written.
package struct CascadeModel: Sendable {
    /// What `model.json` will say, without the other files' digests.
    package let metadata: CascadeMetadata
    let linear: LinearModel
    let head: EmbeddingHead
    let encoder: TextEncoder
    /// The cross-validation metrics, including those per class; not stored.
    package internal(set) var validation: Evaluation
}
