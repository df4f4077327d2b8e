internal import Crypto
internal import Foundation
import Platform

/// Trained weights, before serialization.
package struct LinearWeights: Sendable {
    package var features: [UInt64] = []
    /// The contribution of each feature to the squared norm of a sentence.
    package var masses: [Float] = []
    /// One weight per class for each feature.
    package var weights: [Float] = []
    package var biases: [Float] = []

    /// Quantizes the weights to 16 bits, lays them out as `WeightTable` describes, and appends the SHA-256 digest.
    /// - Parameter metadata: Its temperature divides all scores.
    func makeModel(_ metadata: ModelMetadata) -> LinearModel {
        let classes = biases.count
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Strings, integers and finite numbers always encode.
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
            language: metadata.language, threshold: metadata.decision?.threshold)
        return LinearModel(bytes: content, description: description, metadata: metadata)
    }
}

/// A trained linear model, serialized.
package struct LinearModel: Sendable {
    /// The whole content of the model file.
    package let bytes: [UInt8]
    /// Name, version, classes and language.
    package let description: ModelDescription
    /// The model's metadata.
    package let metadata: ModelMetadata
    /// The cross-validation metrics from training, including those per class; not stored in the file.
    package internal(set) var validation: Evaluation?

    /// The score of a padding lane: so low that its probability is 0 next to any other.
    static let noClass: Float = -1e9

    /// Makes a classifier from a copy of the bytes, without a file.
    package func makeClassifier() throws(ModelFileError) -> any Classifier {
        guard let storage = ModelStorage(byteCount: bytes.count) else {
            throw ModelFileError(
                .unreadable, "in memory", "needs \(bytes.count) bytes of memory, which are not available")
        }
        storage.bytes.copyBytes(from: bytes)
        let (layout, _) = try ModelFile.verify(storage, "in memory")
        return LinearClassifier(
            model: description, layout: layout, storage: storage,
            sentencesOfClass: metadata.trainingData.sentencesOfClass)
    }
}

/// The weights of a linear model, looked up by feature hash. Borrows memory that the `LinearClassifier` keeps alive.
///
/// Features are sorted by hash. The upper bits of a hash select a bucket, `bucketStarts` holds the start of each
/// bucket's features, `tags` holds the lower 32 bits of each hash, and the row with the same index holds the weights.
/// An unknown feature costs one read of `bucketStarts` and usually one of `tags`.
/// A row is `chunks` × 8 lanes of 16 bits. Lane 0 is the feature's contribution to the squared norm of the sentence, in
/// units of `massScale`; lane *k* is the weight for class *k* minus that for class 0, in units of `weightScale`.
/// Softmax depends only on differences, so class 0 needs no lane. Integer sums are exact, so their order does not
/// matter.
struct WeightTable: @unchecked Sendable {
    // Read-only memory; hence `@unchecked Sendable`.
    let bucketStarts: UnsafePointer<UInt32>
    let tags: UnsafePointer<UInt32>
    let rows: UnsafePointer<SIMD8<Int16>>
    /// 64 minus the number of bits that select a bucket.
    let shift: UInt64

    /// The range of a bucket's features.
    struct Bucket {
        var start: UInt32
        var end: UInt32
    }

    /// The bucket that contains the feature if the model knows it.
    ///
    /// Look-ups miss the cache, so callers find the buckets of many features before they search any: the cache misses
    /// of the first step then overlap.
    @inline(__always)
    func bucket(of feature: UInt64) -> Bucket {
        let bucket = bucketStarts + Int(truncatingIfNeeded: feature &>> shift)
        return Bucket(start: bucket[0], end: bucket[1])
    }

    /// Adds the weights of a feature to a row of sums; does nothing if the feature is unknown.
    @inline(__always)
    func add(_ feature: UInt64, in bucket: Bucket, to sums: UnsafeMutablePointer<SIMD8<Int32>>, chunks: Int) {
        let tag = UInt32(truncatingIfNeeded: feature)
        var place = bucket.start
        while place < bucket.end {
            if tags[Int(place)] == tag {
                let row = rows + Int(place) &* chunks
                for chunk in 0..<chunks { sums[chunk] &+= SIMD8<Int32>(truncatingIfNeeded: row[chunk]) }
                return
            }
            place &+= 1
        }
    }
}
