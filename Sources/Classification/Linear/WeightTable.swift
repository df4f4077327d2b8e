/// The weights of a linear model, found by the hash of a feature. Borrowed memory: a `LinearClassifier` keeps it alive.
///
/// Features are sorted by hash. The upper bits of a hash choose a bucket, `bucketStarts` says where the bucket's
/// features begin, `tags` holds the lower 32 bits of each, and the row with the same index holds its weights. A feature
/// that is not there costs one look at `bucketStarts`, and mostly one at `tags`.
///
/// A row is `stride` lanes of 16 bits. Lane 0 is what the feature adds to the square of the sentence's length, in units of
/// `massScale`; lane *k* is the weight for class *k* less that for class 0, in units of `weightScale`. A softmax sees only
/// differences, so class 0 needs no lane. Sums of integers are exact: their order does not matter.
struct WeightTable: @unchecked Sendable {
    // Read-only memory; hence `@unchecked Sendable`.
    let bucketStarts: UnsafePointer<UInt32>
    let tags: UnsafePointer<UInt32>
    let rows: UnsafePointer<SIMD8<Int16>>
    /// Eights of lanes in a row.
    let chunks: Int
    /// 64 less the number of bits that choose a bucket.
    let shift: UInt64

    /// The row of a feature, or nil when the model does not know it.
    @inline(__always)
    func row(of feature: UInt64) -> UnsafePointer<SIMD8<Int16>>? {
        let bucket = Int(truncatingIfNeeded: feature >> shift)
        var place = bucketStarts[bucket]
        let end = bucketStarts[bucket + 1]
        let tag = UInt32(truncatingIfNeeded: feature)
        while place < end {
            if tags[Int(place)] == tag { return rows + Int(place) &* chunks }
            place &+= 1
        }
        return nil
    }

    /// Adds the weights of a feature to a row of sums; does nothing for one that the model does not know.
    @inline(__always)
    func add(_ feature: UInt64, to sums: UnsafeMutablePointer<SIMD8<Int32>>) {
        guard let row = row(of: feature) else { return }
        for chunk in 0..<chunks {
            sums[chunk] &+= SIMD8<Int32>(truncatingIfNeeded: row[chunk])
        }
    }
}
