/// What the files of a model say of it.
package enum StoredModel: Sendable {
    case linear(ModelMetadata)
    case cascade(CascadeMetadata)
    case finished(FinishedMetadata)

    /// What it was trained on; nil if that was elsewhere.
    package var trainingData: ModelMetadata.TrainingData? {
        switch self {
        case .linear(let metadata): metadata.trainingData
        case .cascade(let metadata): metadata.trainingData
        case .finished: nil
        }
    }
}

/// The `model.json` of a cascade. Contains no time, host or path.
package struct CascadeMetadata: Sendable, Hashable, Codable {
    /// The encoder that the model was trained with, and needs.
    package struct Encoder: Sendable, Hashable, Codable {
        package var name: String
        /// Hexadecimal SHA-256 over its files.
        package var sha256: String
        package var dimensions: Int
        /// In what its weights are kept.
        package var precision: String
        package var license: String?
    }

    package var format = 1
    package var kind = "cascade"
    package var name: String
    package var language: String
    package var labels: [String]
    package var trainingData: ModelMetadata.TrainingData
    /// The cross-validation scores of the cascade.
    package var scores: ModelMetadata.Scores
    package var decision: ModelMetadata.Decision?
    package var options: LinearTrainer.Options
    package var encoder: Encoder
    /// Where a sentence is cut, in tokens.
    package var maximumTokens: Int
    package var blend: Blend
    /// Whether the threshold was learnt, so that training again learns it again.
    package var learnsThreshold: Bool
    /// The share of the training sentences for which the encoder is asked.
    package var encoderShare: Double
    /// Hexadecimal SHA-256 of the other files.
    package var files: [String: String] = [:]

    /// The choice that it was trained with.
    package var cascade: CascadeChoice {
        if learnsThreshold { return .learnt }
        return blend.askBelow > 1 ? .always : blend.askBelow == 0 ? .never : .below(blend.askBelow)
    }

    /// - Throws: if something in it contradicts itself.
    func checked(_ path: String) throws(ModelFileError) -> CascadeMetadata {
        let file = "\(path)/\(ModelFolder.manifest)"
        guard format >= 1 else { throw ModelFileError(.corrupt, file, "has format \(format), which there never was") }
        guard format <= 1 else {
            throw ModelFileError(.newerFormat, file, "has format \(format), and this program reads format 1; update it")
        }
        guard kind == "cascade" else {
            throw ModelFileError(.unknownKind, file, "holds a model of kind \(kind), which this program does not know")
        }
        guard Set(labels).count == labels.count, labels.count >= 2, (1...65_536).contains(encoder.dimensions),
            EncoderOptions.tokens.contains(maximumTokens), decision.map({ (0...1).contains($0.threshold) }) ?? true,
            (0...1).contains(blend.encoderWeight), Temperature.range.contains(blend.headTemperature),
            Temperature.range.contains(blend.temperature), (0...Blend.always).contains(blend.askBelow),
            Set(files.keys) == [ModelFolder.linear, ModelFolder.head],
            trainingData.sentencesOfClass.count == labels.count
        else {
            throw ModelFileError(.corrupt, file, "has values that no training gives")
        }
        return self
    }
}

/// The `config.json` of a classifier in Hugging Face's layout.
package struct FinishedMetadata: Sendable, Hashable, Codable {
    /// The names of the classes by their number.
    package var id2label: [String: String]?
    /// `single_label_classification`, or another task.
    package var task: String?
    package var name: String?

    private enum CodingKeys: String, CodingKey {
        case id2label
        case task = "problem_type"
        case name = "_name_or_path"
    }

    /// Whether it is more than space, and on one line.
    private func isName(_ label: String) -> Bool {
        label.contains { !$0.isWhitespace }
            && !label.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }

    /// The classes in order.
    func labels(_ file: String) throws(ModelFileError) -> [String] {
        guard task == nil || task == "single_label_classification" else {
            throw ModelFileError(
                .unknownKind, file, "is for \(task ?? ""): Triage gives each sentence one of several classes")
        }
        guard let id2label, id2label.count >= 2 else {
            throw ModelFileError(.corrupt, file, "has no id2label with the names of at least two classes")
        }
        let labels = (0..<id2label.count).compactMap { id2label[String($0)] }
        guard labels.count == id2label.count, Set(labels).count == labels.count, labels.allSatisfy(isName)
        else {
            throw ModelFileError(
                .corrupt, file,
                "must name each class once in id2label, on one line, by the numbers from 0 to \(id2label.count - 1)")
        }
        return labels
    }
}
