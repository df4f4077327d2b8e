#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The CPU time of this thread. Unlike a clock on the wall it does not count what other programs do meanwhile.
enum ThreadTime {
    /// Seconds since the thread began, to the nanosecond.
    static var seconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// Times a stage and counts what it allocates.
struct Stopwatch {
    /// What one stage costs for each sentence.
    struct Reading: Encodable {
        var stage: String
        var nanoseconds: Double
        var allocations: Double
    }

    /// CPU seconds for which a stage is repeated.
    var duration = 0.4

    /// Runs a stage over all sentences again and again.
    ///
    /// - Parameters:
    ///   - count: how many sentences one call works off.
    ///   - body: returns something made of its results, so that the compiler cannot leave the work out.
    func measure(_ stage: String, count: Int, _ body: () throws -> Int) rethrows -> Reading {
        // The first rounds fill caches and let scratch memory grow.
        for _ in 0..<2 { Self.consume(try body()) }
        let allocationsBefore = Self.allocationCount()
        let start = ThreadTime.seconds
        var rounds = 0
        repeat {
            Self.consume(try body())
            rounds += 1
        } while ThreadTime.seconds - start < duration
        let seconds = ThreadTime.seconds - start
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
