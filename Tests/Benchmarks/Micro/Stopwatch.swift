#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Times a stage and counts what it allocates.
struct Stopwatch {
    /// What one stage costs for each sentence.
    struct Reading: Encodable {
        var stage: String
        var nanoseconds: Double
        var allocations: Double
    }

    /// Nanoseconds for which a stage is repeated.
    var duration: Duration = .milliseconds(400)

    /// Runs a stage over all sentences again and again.
    ///
    /// - Parameters:
    ///   - count: how many sentences one call works off.
    ///   - body: returns something made of its results, so that the compiler cannot leave the work out.
    func measure(_ stage: String, count: Int, _ body: () throws -> Int) rethrows -> Reading {
        // The first rounds fill caches and let scratch memory grow.
        for _ in 0..<2 { Self.consume(try body()) }
        let clock = ContinuousClock()
        let allocationsBefore = Self.allocationCount()
        let start = clock.now
        var rounds = 0
        repeat {
            Self.consume(try body())
            rounds += 1
        } while clock.now - start < duration
        let seconds = (clock.now - start) / .seconds(1)
        let allocations = Self.allocationCount() - allocationsBefore
        let sentences = Double(rounds * count)
        return Reading(
            stage: stage, nanoseconds: seconds * 1e9 / sentences, allocations: Double(allocations) / sentences)
    }

    @inline(never)
    private static func consume(_: Int) {}

    private typealias Counter = @convention(c) () -> UInt64

    /// Of the preloaded library `allocations`; nil when the program runs without it.
    private static let counter: Counter? = dlsym(nil, "benchmark_allocation_count").map {
        // The symbol is a function of this type: it is declared so in allocations.c.
        unsafeBitCast($0, to: Counter.self)
    }

    /// Whether allocations can be counted.
    static var countsAllocations: Bool { counter != nil }

    private static func allocationCount() -> UInt64 { counter?() ?? 0 }
}
