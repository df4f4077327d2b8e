internal import Foundation

/// Sentences as numbered features, the same ones that a `LinearSession` extracts.
///
/// A sentence is a list of units: its words and word pairs. A unit is a list of features: a word and its n-grams, or a
/// pair alone. A unit contributes the same to every sentence, so each pass computes it once.
struct FeatureCorpus: Sendable {
    /// The kinds of features, each with its own factor.
    enum Family: UInt8 { case word, pair, ngram }

    /// The hash and family of each feature.
    private(set) var hashes: [UInt64] = []
    private(set) var families: [Family] = []
    /// The features of unit *u* are `unitFeatures[unitStarts[u]..<unitStarts[u + 1]]`, repeats included.
    private(set) var unitStarts: [Int32] = [0]
    private(set) var unitFeatures: [Int32] = []
    /// The units of sentence *s* are `sentenceUnits[sentenceStarts[s]..<sentenceStarts[s + 1]]`, repeats included.
    private(set) var sentenceStarts: [Int32] = [0]
    private(set) var sentenceUnits: [Int32] = []

    private var featureNumbers: [UInt64: Int32] = [:]
    private var unitNumbers: [UInt64: Int32] = [:]

    init(_ texts: [String]) {
        let word = UnsafeMutableRawPointer.allocate(byteCount: WordScanner.bufferSize, alignment: 64)
        defer { word.deallocate() }
        for text in texts {
            var text = text
            text.withUTF8 { add($0, word) }
            sentenceStarts.append(Int32(sentenceUnits.count))
        }
        featureNumbers = [:]
        unitNumbers = [:]
    }

    var unitCount: Int { unitStarts.count - 1 }
    var sentenceCount: Int { sentenceStarts.count - 1 }

    func features(ofUnit unit: Int) -> ArraySlice<Int32> {
        unitFeatures[Int(unitStarts[unit])..<Int(unitStarts[unit + 1])]
    }

    func units(ofSentence sentence: Int) -> ArraySlice<Int32> {
        sentenceUnits[Int(sentenceStarts[sentence])..<Int(sentenceStarts[sentence + 1])]
    }

    private mutating func add(_ text: UnsafeBufferPointer<UInt8>, _ word: UnsafeMutableRawPointer) {
        var previous = FeatureHash.sentenceEdge
        if let start = text.baseAddress {
            var scanner = WordScanner(start: start, count: text.count, folding: .shared)
            while case let length = scanner.nextWord(into: word), length > 0 {
                let hash = FeatureHash.word(word, length: length)
                sentenceUnits.append(wordUnit(hash, word, length))
                sentenceUnits.append(pairUnit(FeatureHash.pair(previous, hash)))
                previous = hash
            }
        }
        sentenceUnits.append(pairUnit(FeatureHash.pair(previous, FeatureHash.sentenceEdge)))
    }

    private mutating func wordUnit(_ hash: UInt64, _ word: UnsafeRawPointer, _ length: Int) -> Int32 {
        if let known = unitNumbers[hash] { return known }
        unitFeatures.append(number(hash, .word))
        FeatureHash.forEachNgram(in: word, length: length) { unitFeatures.append(number($0, .ngram)) }
        return endUnit(hash)
    }

    private mutating func pairUnit(_ hash: UInt64) -> Int32 {
        if let known = unitNumbers[hash] { return known }
        unitFeatures.append(number(hash, .pair))
        return endUnit(hash)
    }

    private mutating func endUnit(_ hash: UInt64) -> Int32 {
        let unit = Int32(unitCount)
        unitStarts.append(Int32(unitFeatures.count))
        unitNumbers[hash] = unit
        return unit
    }

    private mutating func number(_ hash: UInt64, _ family: Family) -> Int32 {
        if let known = featureNumbers[hash] { return known }
        let number = Int32(hashes.count)
        featureNumbers[hash] = number
        hashes.append(hash)
        families.append(family)
        return number
    }
}

/// Feature selection and weighting from the training sentences.
struct FeatureWeighting {
    /// The value of each feature: its factor times its inverse document frequency; 0 if unused.
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
