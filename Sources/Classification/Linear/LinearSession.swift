/// The scratch memory of one thread that classifies with a `LinearClassifier`.
final class LinearSession: ClassifierSession {
    private let classifier: LinearClassifier
    private let table: WeightTable
    private let classes: Int
    private let chunks: Int
    private let folding = CharacterFolding.shared
    private let words: WordMemory
    private let word: UnsafeMutableRawPointer
    private let sums: UnsafeMutablePointer<SIMD8<Int32>>
    private let longWord: UnsafeMutablePointer<SIMD8<Int32>>
    private let scores: UnsafeMutablePointer<SIMD8<Float>>

    /// After so many words the sums move on to floating point: 256 words of 60 characters with rows at their limit
    /// stay within 32 bits, and a sentence of fewer words has exact sums.
    private static let wordsBetweenMoves = 256

    init(_ classifier: LinearClassifier) {
        self.classifier = classifier
        table = classifier.table
        classes = classifier.model.labels.count
        chunks = classifier.table.chunks
        words = WordMemory(chunks: chunks)
        word = .allocate(byteCount: WordScanner.bufferSize, alignment: 64)
        sums = .allocate(capacity: chunks)
        longWord = .allocate(capacity: chunks)
        scores = .allocate(capacity: chunks)
    }

    deinit {
        words.deallocate()
        word.deallocate()
        sums.deallocate()
        longWord.deallocate()
        scores.deallocate()
    }

    func classify(
        _ sentences: UnsafeBufferPointer<UnsafeRawBufferPointer>, into probabilities: UnsafeMutableBufferPointer<Float>
    ) throws(ClassifierError) {
        guard probabilities.count == sentences.count * classes else {
            throw ClassifierError(
                code: .wrongMatrixSize,
                message: "\(sentences.count) sentences of \(classes) classes need \(sentences.count * classes) "
                    + "probabilities, and there is room for \(probabilities.count)")
        }
        guard var row = probabilities.baseAddress else { return }
        for sentence in sentences {
            score(sentence)
            Softmax.apply(scores, chunks: chunks)
            row.update(from: UnsafeRawPointer(scores).assumingMemoryBound(to: Float.self), count: classes)
            row += classes
        }
    }

    /// Fills `scores` for one sentence.
    @inline(__always)
    private func score(_ sentence: UnsafeRawBufferPointer) {
        for chunk in 0..<chunks {
            sums[chunk] = SIMD8(repeating: 0)
            scores[chunk] = SIMD8(repeating: 0)
        }
        if let start = sentence.baseAddress, sentence.count > 0 {
            addWords(start.assumingMemoryBound(to: UInt8.self), sentence.count)
        }
        moveSums()
        let mass = scores[0][0] * classifier.massScale
        let factor = mass > 0 ? classifier.weightScale / mass.squareRoot() : 0
        scores[0][0] = 0
        for chunk in 0..<chunks {
            scores[chunk] = scores[chunk] * factor + classifier.biases[chunk]
        }
    }

    @inline(__always)
    private func addWords(_ start: UnsafePointer<UInt8>, _ count: Int) {
        var scanner = WordScanner(start: start, count: count, folding: folding)
        var previous = FeatureHash.sentenceEdge
        var untilMove = Self.wordsBetweenMoves
        while true {
            let length = scanner.nextWord(into: word)
            if length == 0 { break }
            let hash = FeatureHash.word(word, length: length)
            let wordSums = sumsOfWord(length, hash)
            for chunk in 0..<chunks { sums[chunk] &+= wordSums[chunk] }
            table.add(FeatureHash.pair(previous, hash), to: sums)
            previous = hash
            untilMove -= 1
            if untilMove == 0 {
                moveSums()
                untilMove = Self.wordsBetweenMoves
            }
        }
        table.add(FeatureHash.pair(previous, FeatureHash.sentenceEdge), to: sums)
    }

    /// The sums over a word and its n-grams, remembered or made.
    @inline(__always)
    private func sumsOfWord(_ length: Int, _ hash: UInt64) -> UnsafeMutablePointer<SIMD8<Int32>> {
        guard length <= WordMemory.longestWord else {
            for chunk in 0..<chunks { longWord[chunk] = SIMD8(repeating: 0) }
            addWord(length, hash, to: longWord)
            return longWord
        }
        let (place, known) = words.sums(of: word, hash: hash)
        if !known { addWord(length, hash, to: place) }
        return place
    }

    @inline(never)
    private func addWord(_ length: Int, _ hash: UInt64, to place: UnsafeMutablePointer<SIMD8<Int32>>) {
        table.add(hash, to: place)
        FeatureHash.forEachNgram(in: word, length: length) { table.add($0, to: place) }
    }

    @inline(__always)
    private func moveSums() {
        for chunk in 0..<chunks {
            scores[chunk] += SIMD8<Float>(sums[chunk])
            sums[chunk] = SIMD8(repeating: 0)
        }
    }
}
