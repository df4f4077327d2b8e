/// The weights of a linear model, found by the hash of a feature. Borrowed memory: a `LinearClassifier` keeps it alive.
///
/// Features are sorted by hash. The upper bits of a hash choose a bucket, `bucketStarts` says where the bucket's
/// features begin, `tags` holds the lower 32 bits of each, and the row with the same index holds its weights. A feature
/// that is not there costs one look at `bucketStarts`, and mostly one at `tags`.
///
/// A row is `chunks` × 8 lanes of 16 bits. Lane 0 is what the feature adds to the square of the sentence's length, in
/// units of `massScale`; lane *k* is the weight for class *k* less that for class 0, in units of `weightScale`. A softmax
/// sees only differences, so class 0 needs no lane. Sums of integers are exact: their order does not matter.
struct WeightTable: @unchecked Sendable {
    // Read-only memory; hence `@unchecked Sendable`.
    let bucketStarts: UnsafePointer<UInt32>
    let tags: UnsafePointer<UInt32>
    let rows: UnsafePointer<SIMD8<Int16>>
    /// 64 less the number of bits that choose a bucket.
    let shift: UInt64

    /// Where the features of a bucket are.
    struct Bucket {
        var start: UInt32
        var end: UInt32
    }

    /// The bucket that holds a feature, if the model knows the feature.
    ///
    /// Look-ups miss the cache, so callers find the buckets of many features first and then search each: the processor
    /// has the misses of the first step under way at the same time.
    @inline(__always)
    func bucket(of feature: UInt64) -> Bucket {
        let bucket = bucketStarts + Int(truncatingIfNeeded: feature &>> shift)
        return Bucket(start: bucket[0], end: bucket[1])
    }

    /// Adds the weights of a feature to a row of sums; does nothing for one that the model does not know.
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
