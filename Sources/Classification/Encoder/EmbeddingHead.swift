/// A linear classifier on the embeddings of a frozen encoder.
package struct EmbeddingHead: Sendable {
    /// The numbers in an embedding.
    let width: Int
    let classes: Int
    /// Eight lanes, one for each class, `chunks` of them for each number of the embedding; last, those of the biases.
    private let lanes: [SIMD8<Float>]
    package let chunks: Int

    /// - Parameters:
    ///   - weights: row-major, a row of `classes` for each number of the embedding.
    package init(weights: [Float], biases: [Float]) {
        classes = biases.count
        width = weights.count / classes
        chunks = (classes + 7) / 8
        var lanes = [SIMD8<Float>](repeating: .zero, count: (width + 1) * chunks)
        for row in 0..<width {
            for label in 0..<classes { lanes[row * chunks + label / 8][label % 8] = weights[row * classes + label] }
        }
        for label in 0..<chunks * 8 {
            lanes[width * chunks + label / 8][label % 8] = label < classes ? biases[label] : LinearModel.noClass
        }
        self.lanes = lanes
    }

    /// Reads what ``bytes`` wrote; nil if it has another size, or numbers that are none.
    package init?(bytes: [UInt8], width: Int, classes: Int) {
        guard bytes.count == (width + 1) * classes * 4 else { return nil }
        let numbers = bytes.withUnsafeBytes { bytes in
            (0..<(width + 1) * classes).map {
                Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)))
            }
        }
        guard numbers.allSatisfy({ abs($0) < 1e6 }) else { return nil }
        self.init(weights: Array(numbers[..<(width * classes)]), biases: Array(numbers[(width * classes)...]))
    }

    /// The weights, a row for each number of the embedding, then the biases, in single precision, little-endian.
    package var bytes: [UInt8] {
        (0...width).flatMap { row in
            (0..<classes).flatMap { label in
                withUnsafeBytes(of: lanes[row * chunks + label / 8][label % 8].bitPattern.littleEndian, Array.init)
            }
        }
    }

    /// Writes the scores of one embedding.
    ///
    /// - Parameter lanes: `chunks` vectors for each of the `width` numbers of an embedding, then those of the biases.
    @inline(__always)
    static func score(
        _ embedding: UnsafePointer<Float>, _ lanes: UnsafePointer<SIMD8<Float>>, width: Int,
        into scores: UnsafeMutablePointer<SIMD8<Float>>, chunks: Int
    ) {
        for chunk in 0..<chunks { scores[chunk] = lanes[width &* chunks &+ chunk] }
        for row in 0..<width {
            let value = embedding[row]
            for chunk in 0..<chunks { scores[chunk] += lanes[row &* chunks &+ chunk] * value }
        }
    }

    /// Writes the probabilities of the classes for one embedding, at a temperature, into the first lanes of `scores`, of which
    /// there are ``chunks`` × 8.
    @inline(__always)
    package func classify(
        _ embedding: UnsafePointer<Float>, temperature: Float, into scores: UnsafeMutablePointer<SIMD8<Float>>
    ) {
        lanes.withUnsafeBufferPointer {
            Self.score(embedding, $0.baseAddress!, width: width, into: scores, chunks: chunks)
        }
        for chunk in 0..<chunks { scores[chunk] /= temperature }
        Softmax.apply(scores, chunks: chunks)
    }
}
