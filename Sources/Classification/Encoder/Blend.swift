internal import Foundation

/// How much the linear model and the encoder say, and when the encoder is asked: learnt from held-out sentences.
package struct Blend: Sendable, Hashable, Codable {
    /// The weight of the encoder, from 0 to 1; the linear model has the rest. Logarithms of probabilities are averaged: who is
    /// sure that a sentence is not of a class has more say than in a mean of probabilities, and it is more accurate on sentences
    /// unlike those of the training.
    package var encoderWeight: Double
    /// By which the scores of the head on the encoder are divided.
    package var headTemperature: Double
    /// By which the averaged logarithms are divided.
    package var temperature: Double
    /// The encoder is asked where the linear model's likeliest class is less probable than this. Above 1: always; 0: never.
    package var askBelow: Double

    /// ``askBelow`` for asking always.
    package static let always = 1.5

    /// Whether the encoder is asked, by what the linear model says.
    @inline(__always)
    func asks(confidence: Float, isKnown: Bool) -> Bool {
        askBelow > 0 && (!isKnown || Double(confidence) < askBelow)
    }

    /// Blends one row: `linear` gets the result. A linear model that knows nothing of the sentence has no say.
    @inline(__always)
    func apply(
        _ encoder: UnsafePointer<Float>, to linear: UnsafeMutableBufferPointer<Float>, isKnown: Bool
    ) {
        let weight = isKnown ? Float(encoderWeight) : 1
        let inverse = Float(1 / temperature)
        let least = Float.leastNormalMagnitude
        var greatest = -Float.infinity
        for label in 0..<linear.count {
            let mean = (1 - weight) * log(max(linear[label], least)) + weight * log(max(encoder[label], least))
            linear[label] = mean * inverse
            greatest = max(greatest, linear[label])
        }
        var sum: Float = 0
        for label in 0..<linear.count {
            linear[label] = exp(linear[label] - greatest)
            sum += linear[label]
        }
        let factor = 1 / sum
        for label in 0..<linear.count { linear[label] *= factor }
    }
}

/// When the encoder of a model is asked.
package enum CascadeChoice: Sendable, Hashable {
    /// As seldom as accuracy allows, by cross-validation.
    case learnt
    case always
    /// The linear model answers alone.
    case never
    /// Where the linear model is less sure than this.
    case below(Double)
}

/// Held-out probabilities of both models, row-major, from which a blend is learnt.
package struct HeldOut {
    /// Of the linear model, calibrated.
    package var linear: [Float]
    /// Of which sentences it knew anything.
    package var known: [Bool]
    /// Of the head on the encoder, at temperature 1.
    package var head: [Float]
    package var targets: [Int]
    let classes: Int

    package init(linear: [Float], known: [Bool], head: [Float], targets: [Int], classes: Int) {
        self.linear = linear
        self.known = known
        self.head = head
        self.targets = targets
        self.classes = classes
    }

    /// How much of the accuracy of asking always a cascade may lose.
    static let toleratedLoss = 0.002

    func rows(_ places: [Int]) -> HeldOut {
        func part(_ matrix: [Float]) -> [Float] { places.flatMap { matrix[$0 * classes..<($0 + 1) * classes] } }
        return HeldOut(
            linear: part(linear), known: places.map { known[$0] }, head: part(head),
            targets: places.map { targets[$0] }, classes: classes)
    }

    /// The blend with the lowest log loss on these sentences, and the cascade that is wanted.
    package func learn(_ choice: CascadeChoice) -> Blend {
        let headTemperature = Temperature.fit(head, targets: targets, classes: classes)
        var blend = Blend(encoderWeight: 0, headTemperature: headTemperature, temperature: 1, askBelow: Blend.always)
        let encoder = calibratedHead(headTemperature)
        var best = (loss: Double.infinity, weight: 0.0)
        for step in 0...20 {
            blend.encoderWeight = Double(step) / 20
            let loss = logLoss(mixed(blend, encoder))
            if loss < best.loss { best = (loss, blend.encoderWeight) }
        }
        blend.encoderWeight = best.weight
        blend.temperature = Temperature.fit(mixed(blend, encoder), targets: targets, classes: classes)
        switch choice {
        case .learnt: blend.askBelow = lowestThreshold(mixed(blend, encoder))
        case .always: break
        case .never: blend.askBelow = 0
        case .below(let confidence): blend.askBelow = confidence
        }
        return blend
    }

    /// What a cascade with this blend answers, and of how many sentences the encoder was asked.
    package func answers(_ blend: Blend) -> (probabilities: [Float], asked: [Bool]) {
        var answers = linear
        let blended = mixed(blend, calibratedHead(blend.headTemperature))
        let asked = targets.indices.map { row in
            blend.asks(confidence: confidence(row), isKnown: known[row])
        }
        for row in targets.indices where asked[row] {
            let range = row * classes..<(row + 1) * classes
            answers.replaceSubrange(range, with: blended[range])
        }
        return (answers, asked)
    }

    private func calibratedHead(_ temperature: Double) -> [Float] {
        Temperature.apply(temperature, toRowsOf: head, classes: classes)
    }

    private func mixed(_ blend: Blend, _ encoder: [Float]) -> [Float] {
        var result = linear
        result.withUnsafeMutableBufferPointer { result in
            encoder.withUnsafeBufferPointer { encoder in
                for row in targets.indices {
                    let columns = row * classes..<(row + 1) * classes
                    blend.apply(
                        encoder.baseAddress! + columns.lowerBound,
                        to: UnsafeMutableBufferPointer(rebasing: result[columns]), isKnown: known[row])
                }
            }
        }
        return result
    }

    private func confidence(_ row: Int) -> Float { linear[row * classes..<(row + 1) * classes].max() ?? 0 }

    private func logLoss(_ probabilities: [Float]) -> Double {
        targets.enumerated().reduce(0) {
            $0 - log(Double(max(probabilities[$1.offset * classes + $1.element], .leastNormalMagnitude)))
        } / Double(max(1, targets.count))
    }

    /// The lowest of the thresholds 1, 0.99, … down to which accuracy stays within ``toleratedLoss`` of asking always, by one
    /// standard error: of few sentences little is known.
    private func lowestThreshold(_ blended: [Float]) -> Double {
        func isRight(_ probabilities: [Float], _ row: Int) -> Bool {
            let scores = probabilities[row * classes..<(row + 1) * classes]
            return scores.firstIndex(of: scores.max() ?? 0) == row * classes + targets[row]
        }
        // What not asking costs (1) or gains (-1), for the sentences on which it matters who answers.
        let costs = targets.indices.compactMap { row -> (confidence: Double, cost: Int)? in
            let (encoder, alone) = (isRight(blended, row), isRight(linear, row))
            guard known[row], encoder != alone else { return nil }
            return (Double(confidence(row)), encoder ? 1 : -1)
        }
        let mostLost = Self.toleratedLoss * Double(targets.count)
        var lowest = Blend.always
        for step in stride(from: 100, through: 1, by: -1) {
            let threshold = Double(step) / 100
            let unasked = costs.filter { $0.confidence >= threshold }
            let lost = Double(unasked.reduce(0) { $0 + $1.cost }) + Double(unasked.count).squareRoot()
            guard unasked.isEmpty || lost <= mostLost else { break }
            lowest = threshold
        }
        return lowest
    }
}
