import Classification
import Foundation
import Testing

@Suite("Softmax")
struct SoftmaxTests {
    private func softmax(_ scores: [Float]) -> [Float] {
        let chunks = (scores.count + 7) / 8
        let memory = UnsafeMutablePointer<SIMD8<Float>>.allocate(capacity: chunks)
        defer { memory.deallocate() }
        memory.initialize(repeating: SIMD8(repeating: -1e9), count: chunks)
        for (lane, score) in scores.enumerated() { memory[lane / 8][lane % 8] = score }
        Softmax.apply(memory, chunks: chunks)
        return scores.indices.map { memory[$0 / 8][$0 % 8] }
    }

    @Test("Equals the definition in double precision, and sums to 1", arguments: [2, 3, 7, 8, 9, 64, 1000])
    func definition(classes: Int) {
        var random = SplitMix(state: UInt64(classes))
        for spread in [0.1, 1, 10, 100] {
            let scores = (0..<classes).map { _ in Float((Double(random.below(1_000_000)) / 500_000 - 1) * spread) }
            let top = Double(scores.max()!)
            let powers = scores.map { exp(Double($0) - top) }
            let sum = powers.reduce(0, +)
            let result = softmax(scores)
            for (power, probability) in zip(powers, result) {
                #expect(abs(Double(probability) - power / sum) < 1e-6)
            }
            #expect(abs(result.map(Double.init).reduce(0, +) - 1) < 1e-5)
        }
    }

    @Test("Scores far apart give 1 and almost 0, never a value that is no number")
    func extremes() {
        let result = softmax([3e8, -3e8, 0])
        #expect(result[0] == 1)
        #expect(result[1] >= 0 && result[1] < 1e-30)
        #expect(softmax([0, 0, 0, 0]) == [0.25, 0.25, 0.25, 0.25])
    }

    @Test("The exponential is exact to 3e-7")
    func exponential() {
        for step in 0..<8700 {
            let value = -Float(step) / 100
            let result = Double(Softmax.exponential(SIMD8(repeating: value))[3])
            #expect(abs(result / exp(Double(value)) - 1) < 3e-7, "at \(value)")
        }
    }
}
