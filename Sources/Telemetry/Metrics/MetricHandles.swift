import Synchronization

/// A counter: it only grows. Thread-safe, without a lock.
package final class MetricCounter: MetricSeries {
    private let count = Atomic<Int64>(0)

    init() {}

    /// Adds one.
    package func increment() { count.add(1, ordering: .relaxed) }

    /// Adds an amount; a negative one is ignored, since a counter only grows.
    package func increment(by amount: Int64) {
        guard amount > 0 else { return }
        count.add(amount, ordering: .relaxed)
    }

    /// The current count.
    package var value: Int64 { count.load(ordering: .relaxed) }

    func read() -> SeriesReading { .integer(value) }
}

/// A gauge: it goes up and down. Thread-safe, without a lock.
package final class MetricGauge: MetricSeries {
    private let current = AtomicDouble()

    init() {}

    /// Sets the figure.
    package func set(_ value: Int64) { current.set(Double(value)) }

    /// Sets the figure.
    package func set(_ value: Double) { current.set(value) }

    /// The current value.
    package var value: Double { current.value }

    func read() -> SeriesReading { .number(value) }
}

/// A histogram: counts values by size. Thread-safe, without a lock.
///
/// `@unchecked Sendable` is safe: the memory behind the pointer never moves, and only atomic operations touch it.
package final class MetricHistogram: MetricSeries, @unchecked Sendable {
    /// Upper bounds of the buckets, ascending; values above all of them are counted too.
    package let bounds: [Double]
    /// One count per bound and one for larger values.
    private let counts: UnsafeMutablePointer<Atomic<UInt64>>
    private let sum = AtomicDouble()

    init(bounds: [Double]) {
        self.bounds = bounds
        counts = .allocate(capacity: bounds.count + 1)
        for index in 0...bounds.count { (counts + index).initialize(to: Atomic(0)) }
    }

    deinit {
        counts.deinitialize(count: bounds.count + 1)
        counts.deallocate()
    }

    /// Records a value in the metric's base unit (seconds, bytes, sentences), or several of the same value. NaN is
    /// ignored.
    package func observe(_ value: Double, times: Int = 1) {
        guard !value.isNaN, times > 0 else { return }
        var bucket = 0
        while bucket < bounds.count, value > bounds[bucket] { bucket += 1 }
        counts[bucket].add(UInt64(times), ordering: .relaxed)
        sum.add(value * Double(times))
    }

    /// Records a duration, in seconds.
    package func observe(_ duration: Duration, times: Int = 1) { observe(duration / .seconds(1), times: times) }

    func read() -> SeriesReading {
        let read = (0...bounds.count).map { counts[$0].load(ordering: .relaxed) }
        return .distribution(bounds: bounds, counts: read, sum: sum.value)
    }
}

/// A double that several threads can add to.
private final class AtomicDouble: Sendable {
    private let bits = Atomic<UInt64>(0)

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    func add(_ amount: Double) {
        var seen = bits.load(ordering: .relaxed)
        while true {
            let sum = (Double(bitPattern: seen) + amount).bitPattern
            let (exchanged, original) = bits.weakCompareExchange(
                expected: seen, desired: sum, ordering: .relaxed)
            if exchanged { return }
            seen = original
        }
    }
}
