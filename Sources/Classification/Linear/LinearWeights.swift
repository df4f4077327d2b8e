internal import Crypto
internal import Foundation

/// What training found, before it takes the form of a file.
package struct LinearWeights: Sendable {
    package var features: [UInt64] = []
    /// What each feature adds to the square of a sentence's length.
    package var masses: [Float] = []
    /// For each feature, one weight for each class.
    package var weights: [Float] = []
    package var biases: [Float] = []

    /// Lays the weights out as `WeightTable` describes, in 16 bits a weight, and seals them with their digest.
    /// - Parameter metadata: Its temperature divides all scores.
    func makeModel(_ metadata: ModelMetadata) -> LinearModel {
        let classes = biases.count
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Strings, integers and finite numbers encode without fail.
        let json = (try? encoder.encode(metadata)) ?? Data()

        let contrast = { (feature: Int, lane: Int) in weights[feature * classes + lane] - weights[feature * classes] }
        var largest: Float = .leastNormalMagnitude
        for feature in features.indices {
            for lane in 1..<classes { largest = max(largest, abs(contrast(feature, lane))) }
        }
        let weightUnit = max(largest / Float(Int16.max), 1e-30)
        let massUnit = max((masses.max() ?? 1) / Float(Int16.max), 1e-30)
        let temperature = Float(metadata.temperature)
        let layout = LinearLayout(
            metadataBytes: json.count, classes: classes, features: features.count,
            bucketBits: max(4, (Int.bitWidth - features.count.leadingZeroBitCount)),
            weightScale: weightUnit / temperature, massScale: massUnit)

        // 64-bit words, so that every section is aligned as its type needs.
        var content = [UInt8](repeating: 0, count: layout.fileBytes)
        content.withUnsafeMutableBytes { bytes in
            layout.store(to: bytes)
            UnsafeMutableRawBufferPointer(rebasing: bytes[LinearLayout.headerBytes...]).copyBytes(from: json)
            for lane in 0..<layout.chunks * 8 {
                let bias = lane < classes ? (biases[lane] - biases[0]) / temperature : LinearModel.noClass
                bytes.storeBytes(of: bias, toByteOffset: layout.biases + lane * 4, as: Float.self)
            }
            let order = features.indices.sorted { features[$0] < features[$1] }
            var starts = [UInt32](repeating: 0, count: (1 << layout.bucketBits) + 1)
            for (place, feature) in order.enumerated() {
                starts[Int(features[feature] >> UInt64(64 - layout.bucketBits)) + 1] += 1
                bytes.storeBytes(
                    of: UInt32(truncatingIfNeeded: features[feature]), toByteOffset: layout.tags + place * 4,
                    as: UInt32.self)
                let row = layout.rows + place * layout.chunks * 16
                let mass = max(1, Int16(masses[feature] / massUnit))
                bytes.storeBytes(of: mass, toByteOffset: row, as: Int16.self)
                for lane in 1..<classes {
                    let weight = Int16((contrast(feature, lane) / weightUnit).rounded())
                    bytes.storeBytes(of: weight, toByteOffset: row + lane * 2, as: Int16.self)
                }
            }
            for (bucket, count) in starts.enumerated().dropFirst() { starts[bucket] = starts[bucket - 1] + count }
            for (bucket, start) in starts.enumerated() {
                bytes.storeBytes(of: start, toByteOffset: layout.bucketStarts + bucket * 4, as: UInt32.self)
            }
        }
        let digest = Array(SHA256.hash(data: content[..<layout.digest]))
        content.replaceSubrange(layout.digest..., with: digest)
        let description = ModelDescription(
            name: metadata.name, version: Hexadecimal.string(digest.prefix(6)), labels: metadata.labels,
            language: metadata.language)
        return LinearModel(bytes: content, description: description, metadata: metadata)
    }
}
