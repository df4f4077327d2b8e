/// What a reply says of a sentence: its likeliest class, how likely that is, and whether that is enough.
package struct Decision {
    /// The index of the likeliest class; the first one on ties.
    package let best: Int
    /// Its probability, in units of the last decimal that replies carry.
    let confidence: UInt32
    /// Whether the class is too unlikely to be the reply's label, or the model knows nothing of the sentence.
    package let isUnsure: Bool
    /// Units of the last decimal in a probability of 1, divided by the sum of the probabilities, which removes
    /// single-precision rounding errors.
    let units: Double
    /// Which stage of the model decided; nil if it has but one.
    let stage: Stage?
}

/// The stages of a model with an encoder.
package enum Stage: Sendable, Hashable, CaseIterable {
    case linear, encoder

    package var name: StaticString {
        switch self {
        case .linear: "linear"
        case .encoder: "encoder"
        }
    }

    /// Nil for a name that this version does not know.
    package init?(_ name: UnsafeRawBufferPointer) {
        guard let stage = Self.allCases.first(where: { name.equals($0.name) }) else { return nil }
        self = stage
    }
}

/// When a reply says that it is unsure.
package struct UnsureRule: Sendable, Hashable {
    /// The least probability of the likeliest class with which it is the label, from 0 to 1.
    package var threshold: Double
    /// The label of the other replies.
    package var label: String

    package init(below threshold: Double, label: String = "unsure") {
        self.threshold = threshold
        self.label = label
    }
}

extension Decision {
    /// Decides by the probabilities of all classes. Nil if they are not a distribution: none negative or NaN, with a sum
    /// within 1e-3 of 1.
    ///
    /// - Parameters:
    ///   - units: units of the last decimal in a probability of 1.
    ///   - least: the least confidence in such units; nil if every reply has its likeliest class as label.
    ///   - isKnown: whether the model knows anything of the sentence.
    ///   - stage: which stage of the model gave them.
    init?(
        _ probabilities: UnsafeBufferPointer<Float>, units: Double, least: UInt32?, isKnown: Bool, stage: Stage?
    ) {
        guard !probabilities.isEmpty else { return nil }
        var smallest = probabilities[0]
        var best = 0
        var sum = 0.0
        for index in 0..<probabilities.count {
            let probability = probabilities[index]
            sum += Double(probability)
            smallest = min(smallest, probability)
            if probability > probabilities[best] { best = index }
        }
        // A NaN makes the sum NaN, and comparisons with NaN are false.
        guard abs(sum - 1) <= 1e-3, smallest >= 0 else { return nil }
        self.best = best
        self.stage = stage
        self.units = units / sum
        let confidence = UInt32(Double(probabilities[best]) * (units / sum) + 0.5)
        self.confidence = confidence
        // What the reply says is compared, so that its reader finds the same.
        if let least { isUnsure = !isKnown || confidence < least } else { isUnsure = false }
    }
}
