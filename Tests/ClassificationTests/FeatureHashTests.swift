import Classification
import Testing

@Suite("Hashes of features")
struct FeatureHashTests {
    /// The n-grams of a word, written down as plainly as can be: characters of " word ", 2 to 5 of them.
    private func ngrams(of word: String) -> [UInt64] {
        let characters = Array(" \(word) ".unicodeScalars)
        return characters.indices.flatMap { start in
            FeatureHash.ngramLengths.compactMap { length in
                guard start + length <= characters.count else { return nil }
                let text = characters[start..<start + length].map { String($0) }.joined()
                return FeatureHash.ngram(text.utf8)
            }
        }
    }

    private func rolled(_ word: String) -> [UInt64] {
        withBytes(of: word) { bytes, length in
            var hashes: [UInt64] = []
            FeatureHash.forEachNgram(in: bytes, length: length) { hashes.append($0) }
            return hashes
        }
    }

    private func withBytes<Result>(of word: String, _ body: (UnsafeRawPointer, Int) -> Result) -> Result {
        let bytes = Array(word.utf8) + [UInt8](repeating: 0, count: 8)
        return bytes.withUnsafeBytes { body($0.baseAddress!, word.utf8.count) }
    }

    private func hash(_ word: String) -> UInt64 { withBytes(of: word) { FeatureHash.word($0, length: $1) } }

    @Test(
        "Rolled n-grams are those of a plain reference",
        arguments: [
            "a", "le", "été", "train", "aujourd", "поезд", "東京", "𝄞", "a東b", "😀😀😀", "anticonstitutionnellement",
        ])
    func knownWords(word: String) {
        #expect(rolled(word) == ngrams(of: word))
    }

    @Test("Rolled n-grams are those of a plain reference, for random words")
    func randomWords() {
        let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789_яжщω東京𝄞😀".unicodeScalars)
        var random = SplitMix(state: 42)
        for _ in 0..<2000 {
            let word = (0..<1 + random.below(12)).map { _ in String(letters[random.below(letters.count)]) }.joined()
            #expect(rolled(word) == ngrams(of: word), "word \(word)")
        }
    }

    @Test("The number of n-grams is that of the windows over the word and its two spaces")
    func count() {
        #expect(rolled("a").count == 2 + 1)
        #expect(rolled("train").count == 6 + 5 + 4 + 3)
    }

    @Test("Words differ by every byte and by their length")
    func wordsDiffer() {
        var seen = Set<UInt64>()
        var word = ""
        for letter in "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz" {
            word.append(letter)
            #expect(seen.insert(hash(word)).inserted)
            #expect(seen.insert(hash(String(word.dropLast()) + "_")).inserted)
        }
    }

    @Test("The order of a pair matters, and a pair is no word")
    func pairs() {
        let (left, right) = (hash("pas"), hash("cher"))
        #expect(FeatureHash.pair(left, right) != FeatureHash.pair(right, left))
        #expect(FeatureHash.pair(left, right) != FeatureHash.pair(FeatureHash.sentenceEdge, right))
        #expect(![left, right].contains(FeatureHash.pair(left, right)))
    }

    @Test("Hashes are the same on every machine, since model files hold them")
    func stable() {
        #expect(hash("train") == Self.train)
        #expect(FeatureHash.ngram(" tra".utf8) == Self.ngram)
        #expect(FeatureHash.pair(hash("un"), hash("train")) == Self.pair)
    }

    // Worked out by a few lines of Python from the definition.
    private static let train: UInt64 = 0x1DFA5B0BF42968CB
    private static let ngram: UInt64 = 0x7F9AE79A4D8E3F50
    private static let pair: UInt64 = 0x1A1EAB4EE12D8C35
}
