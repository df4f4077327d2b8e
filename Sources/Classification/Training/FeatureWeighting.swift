internal import Foundation

/// What the training sentences say about each feature: whether it counts, and how much.
struct FeatureWeighting {
    /// The value of each feature: its factor times its inverse document frequency; 0 for one that is not used.
    private(set) var values: [Float]
    /// Equal for features that occur equally often in the same sentences.
    private(set) var signatures: [UInt64]

    init(_ corpus: FeatureCorpus, sentences: [Int], options: LinearTrainer.Options) {
        let count = corpus.hashes.count
        var frequencies = [Int32](repeating: 0, count: count)
        var lastSeen = [Int32](repeating: -1, count: count)
        signatures = [UInt64](repeating: 0, count: count)
        for sentence in sentences {
            let key = FeatureHash.mix(UInt64(sentence) &+ 0x9E37_79B9_7F4A_7C15, 0xD6E8_FEB8_6659_FD93)
            for unit in corpus.units(ofSentence: sentence) {
                for feature in corpus.features(ofUnit: Int(unit)) {
                    let feature = Int(feature)
                    signatures[feature] &+= key
                    if lastSeen[feature] != Int32(sentence) {
                        lastSeen[feature] = Int32(sentence)
                        frequencies[feature] += 1
                    }
                }
            }
        }
        values = (0..<count).map { feature in
            let frequency = Int(frequencies[feature])
            guard frequency >= max(1, options.minimumSentences) else { return 0 }
            let inverse = log(Double(1 + sentences.count) / Double(1 + frequency)) + 1
            return Float(inverse * options.factor(of: corpus.families[feature]))
        }
    }
}
