/// Bounds of histograms' buckets.
public enum HistogramBuckets {
    /// For lengths of time from 100 µs to 10 s, in seconds.
    public static let seconds: [Double] = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]
    /// For the time that a stage of a batch takes, from 1 µs to 1 s, in seconds.
    public static let stageSeconds: [Double] = [
        0.000001, 0.000005, 0.00001, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
        0.25, 1,
    ]
    /// For numbers of sentences, from 1 to 8,192 by powers of two.
    public static let counts: [Double] = (0...13).map { Double(1 << $0) }
    /// For sizes from 64 bytes to 16 MiB by powers of four.
    public static let bytes: [Double] = (3...12).map { Double(1 << (2 * $0)) }
}
