/// The scratch memory of one thread that classifies with a `LinearClassifier`.
///
/// A sentence is processed in blocks of words: first all words are scanned, then the slots and buckets of all words and
/// pairs are looked up, then everything is summed. So many cache misses overlap instead of following one another.
final class LinearSession: ClassifierSession {
    /// The maximum number of words in a block. After each block, integer sums are added to floating-point scores: 32
    /// words of 60 characters with rows at their limit stay far within 32 bits.
    private static let blockWords = 32
    /// The maximum number of features of a word: itself, and at each n-gram length at most one per byte plus a space.
    private static let wordFeatures = 1 + 4 * (WordScanner.maximumLength + 1)

    private let classifier: LinearClassifier
    private let classes: Int
    private let chunks: Int
    private let memory: WordMemory
    private let words: UnsafeMutableRawPointer
    private let hashes: UnsafeMutablePointer<UInt64>
    private let pairs: UnsafeMutablePointer<UInt64>
    private let entries: UnsafeMutablePointer<UnsafeMutableRawPointer>
    private let buckets: UnsafeMutablePointer<WeightTable.Bucket>
    private let features: UnsafeMutablePointer<UInt64>
    private let sums: UnsafeMutablePointer<SIMD8<Int32>>
    private let longWord: UnsafeMutablePointer<SIMD8<Int32>>
    private let scores: UnsafeMutablePointer<SIMD8<Float>>

    init(_ classifier: LinearClassifier) {
        self.classifier = classifier
        classes = classifier.model.labels.count
        chunks = classifier.chunks
        memory = WordMemory(chunks: chunks)
        words = .allocate(byteCount: Self.blockWords * WordScanner.bufferSize, alignment: 64)
        hashes = .allocate(capacity: Self.blockWords)
        pairs = .allocate(capacity: Self.blockWords + 1)
        entries = .allocate(capacity: Self.blockWords)
        buckets = .allocate(capacity: max(Self.wordFeatures, Self.blockWords + 1))
        features = .allocate(capacity: Self.wordFeatures)
        sums = .allocate(capacity: chunks)
        longWord = .allocate(capacity: chunks)
        scores = .allocate(capacity: chunks)
    }

    deinit {
        memory.deallocate()
        words.deallocate()
        hashes.deallocate()
        pairs.deallocate()
        entries.deallocate()
        buckets.deallocate()
        features.deallocate()
        sums.deallocate()
        longWord.deallocate()
        scores.deallocate()
    }

    func classify(
        _ sentences: UnsafeBufferPointer<UnsafeRawBufferPointer>, into probabilities: UnsafeMutableBufferPointer<Float>,
        outcomes: UnsafeMutablePointer<SentenceOutcome>?, isExpired: (Int) -> Bool
    ) throws(ClassifierError) {
        guard probabilities.count == sentences.count * classes else {
            throw ClassifierError(
                code: .wrongMatrixSize,
                message: "\(sentences.count) sentences of \(classes) classes need \(sentences.count * classes) "
                    + "probabilities, and there is room for \(probabilities.count)")
        }
        guard var row = probabilities.baseAddress else { return }
        for (index, sentence) in sentences.enumerated() {
            // Up to eight classes fit one vector: with the constant 1 the compiler removes the loops over chunks.
            let isKnown: Bool
            if chunks == 1 {
                isKnown = score(sentence, chunks: 1)
                Softmax.apply(scores, chunks: 1)
            } else {
                isKnown = score(sentence, chunks: chunks)
                Softmax.apply(scores, chunks: chunks)
            }
            outcomes?[index] = isKnown ? [] : .unknown
            row.update(from: UnsafeRawPointer(scores).assumingMemoryBound(to: Float.self), count: classes)
            row += classes
        }
    }

    /// Fills `scores` for one sentence. Returns whether the model knows any feature of it.
    @inline(__always)
    private func score(_ sentence: UnsafeRawBufferPointer, chunks: Int) -> Bool {
        for chunk in 0..<chunks { scores[chunk] = .zero }
        if let start = sentence.baseAddress, sentence.count > 0 {
            addWords(start.assumingMemoryBound(to: UInt8.self), sentence.count, chunks: chunks)
        }
        let mass = scores[0][0] * classifier.massScale
        let factor = mass > 0 ? classifier.weightScale / mass.squareRoot() : 0
        // Biases are fitted together with features. A sentence without known features gets the log priors instead.
        let start = mass > 0 ? classifier.biases : classifier.shares
        scores[0][0] = 0
        for chunk in 0..<chunks { scores[chunk] = scores[chunk] * factor + start[chunk] }
        return mass > 0
    }

    @inline(__always)
    private func addWords(_ start: UnsafePointer<UInt8>, _ count: Int, chunks: Int) {
        var scanner = WordScanner(start: start, count: count, folding: .shared)
        var previous = FeatureHash.sentenceEdge
        var isLast = false
        while !isLast {
            var block = 0
            var long: UInt32 = 0
            while block < Self.blockWords {
                let word = words + block &* WordScanner.bufferSize
                let length = scanner.nextWord(into: word)
                if length == 0 {
                    isLast = true
                    break
                }
                let hash = FeatureHash.word(word, length: length)
                hashes[block] = hash
                pairs[block] = FeatureHash.pair(previous, hash)
                if length > WordMemory.longestWord { long |= 1 &<< UInt32(truncatingIfNeeded: block) }
                previous = hash
                block &+= 1
            }
            var pairCount = block
            if isLast {
                pairs[block] = FeatureHash.pair(previous, FeatureHash.sentenceEdge)
                pairCount &+= 1
            }
            addBlock(words: block, long: long, pairs: pairCount, chunks: chunks)
        }
    }

    /// Adds a block of words and pairs to `scores`.
    /// - Parameter long: A bit for each word that is too long for the cache.
    @inline(__always)
    private func addBlock(words count: Int, long: UInt32, pairs pairCount: Int, chunks: Int) {
        for chunk in 0..<chunks { sums[chunk] = .zero }
        var known: UInt32 = 0
        for place in 0..<count {
            let entry = memory.entry(of: hashes[place])
            entries[place] = entry
            let holds: UInt32 = memory.holds(entry, words + place &* WordScanner.bufferSize) ? 1 : 0
            known |= holds &<< UInt32(truncatingIfNeeded: place)
        }
        known &= ~long
        for place in 0..<pairCount { buckets[place] = classifier.table.bucket(of: pairs[place]) }
        var rest = known
        while rest != 0 {
            add(memory.sums(at: entries[rest.trailingZeroBitCount]), chunks: chunks)
            rest &= rest &- 1
        }
        for place in 0..<pairCount {
            classifier.table.add(pairs[place], in: buckets[place], to: sums, chunks: chunks)
        }
        // New words come last: they may evict known ones.
        rest = ~known & (count == 32 ? .max : (1 &<< UInt32(truncatingIfNeeded: count)) &- 1)
        while rest != 0 {
            let place = rest.trailingZeroBitCount
            addNewWord(place, isLong: long &>> UInt32(truncatingIfNeeded: place) & 1 == 1, chunks: chunks)
            rest &= rest &- 1
        }
        for chunk in 0..<chunks { scores[chunk] += SIMD8<Float>(sums[chunk]) }
    }

    @inline(__always)
    private func add(_ row: UnsafePointer<SIMD8<Int32>>, chunks: Int) {
        for chunk in 0..<chunks { sums[chunk] &+= row[chunk] }
    }

    /// Computes the sums of a word, caches them unless the word is too long, and adds them.
    @inline(never)
    private func addNewWord(_ place: Int, isLong: Bool, chunks: Int) {
        let word = UnsafeRawPointer(words + place &* WordScanner.bufferSize)
        let entry = entries[place]
        // A word that occurs twice in the block is new only once.
        if !isLong && memory.holds(entry, word) { return add(memory.sums(at: entry), chunks: chunks) }
        let wordSums = isLong ? longWord : memory.sums(at: entry)
        for chunk in 0..<chunks { wordSums[chunk] = .zero }
        if !isLong { memory.take(entry, for: word) }

        features[0] = hashes[place]
        var count = 1
        FeatureHash.forEachNgram(in: word, length: WordScanner.length(of: word)) {
            features[count] = $0
            count &+= 1
        }
        for feature in 0..<count { buckets[feature] = classifier.table.bucket(of: features[feature]) }
        for feature in 0..<count {
            classifier.table.add(features[feature], in: buckets[feature], to: wordSums, chunks: chunks)
        }
        add(wordSums, chunks: chunks)
    }
}
