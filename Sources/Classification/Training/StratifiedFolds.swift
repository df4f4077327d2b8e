/// Stratified folds: each gets the same share of every class, by a seeded shuffle.
package struct StratifiedFolds: Sendable {
    /// The fold of each sentence.
    package let foldOfSentence: [Int]
    package let count: Int

    package init(_ sentences: LabelledSentences, count: Int, seed: UInt64) {
        var random = SplitMix(state: seed)
        var folds = [Int](repeating: 0, count: sentences.texts.count)
        // Each class continues with the fold after the previous class's last, so that small classes do not all favour
        // the first folds.
        var next = 0
        for label in sentences.labels.indices {
            var members = sentences.targets.indices.filter { sentences.targets[$0] == label }
            for place in stride(from: members.count - 1, to: 0, by: -1) {
                members.swapAt(place, random.below(place + 1))
            }
            for member in members {
                folds[member] = next
                next = (next + 1) % count
            }
        }
        foldOfSentence = folds
        self.count = count
    }

    /// The sentences to evaluate fold `fold` on.
    package func inside(_ fold: Int) -> [Int] { foldOfSentence.indices.filter { foldOfSentence[$0] == fold } }

    /// The sentences to train fold `fold` on; all sentences, for a fold beyond the last.
    package func outside(_ fold: Int) -> [Int] { foldOfSentence.indices.filter { foldOfSentence[$0] != fold } }
}

/// A small random number generator with the same sequence on every platform (SplitMix64).
package struct SplitMix: RandomNumberGenerator {
    package var state: UInt64

    package init(state: UInt64) { self.state = state }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// A random number in `0..<limit`.
    package mutating func below(_ limit: Int) -> Int {
        Int(next().multipliedFullWidth(by: UInt64(limit)).high)
    }
}
