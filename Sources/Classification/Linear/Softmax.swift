/// Softmax over 8-lane vectors, without the C library, so that results are bit-identical on every platform.
package enum Softmax {
    /// Turns scores into probabilities, in place.
    /// - Parameters:
    ///   - scores: `chunks` × 8 lanes; padding lanes hold a score far below the others.
    @inline(__always)
    package static func apply(_ scores: UnsafeMutablePointer<SIMD8<Float>>, chunks: Int) {
        var highest = scores[0]
        for chunk in 1..<max(1, chunks) { highest = greater(highest, scores[chunk]) }
        let top = SIMD8<Float>(repeating: greatest(highest))
        var sums = SIMD8<Float>(repeating: 0)
        for chunk in 0..<chunks {
            let power = exponential(scores[chunk] - top)
            scores[chunk] = power
            sums += power
        }
        let factor = 1 / sums.sum()
        for chunk in 0..<chunks { scores[chunk] *= factor }
    }

    /// eˣ for each lane, for lanes of at most 0; relative error below 3e-7.
    ///
    /// Splits x into n·ln 2 + r with |r| ≤ ln 2 / 2, evaluates a polynomial for eʳ and puts n into the exponent.
    @inline(__always)
    package static func exponential(_ value: SIMD8<Float>) -> SIMD8<Float> {
        let clamped = greater(value, SIMD8(repeating: -87))
        // Adding 1.5 × 2²³ rounds to an integer and leaves it in the low bits of the sum.
        let magic = SIMD8<Float>(repeating: 12_582_912)
        let shifted = clamped * 1.442_695_04 + magic
        let whole = shifted - magic
        let rest = (clamped - whole * 0.693_359_375) - whole * -2.121_944_4e-4
        var power = SIMD8<Float>(repeating: 1.987_569_1e-4)
        power = power * rest + 1.398_199_9e-3
        power = power * rest + 8.333_452e-3
        power = power * rest + 4.166_579_6e-2
        power = power * rest + 0.166_666_65
        power = power * rest + 0.5
        power = power * rest * rest + rest + 1
        let bits = unsafeBitCast(shifted, to: SIMD8<Int32>.self)
        let exponent = (bits &- 0x4B40_0000 &+ 127) &<< 23
        return power * unsafeBitCast(exponent, to: SIMD8<Float>.self)
    }
    // The library's `pointwiseMax` and `max` handle NaN lane by lane; there are no NaNs here.
    @inline(__always)
    private static func greater(_ left: SIMD8<Float>, _ right: SIMD8<Float>) -> SIMD8<Float> {
        left.replacing(with: right, where: right .> left)
    }

    @inline(__always)
    private static func greatest(_ value: SIMD8<Float>) -> Float {
        let four = value.lowHalf.replacing(with: value.highHalf, where: value.highHalf .> value.lowHalf)
        let two = four.lowHalf.replacing(with: four.highHalf, where: four.highHalf .> four.lowHalf)
        return max(two[0], two[1])
    }
}
