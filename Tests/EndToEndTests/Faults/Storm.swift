import Foundation
import TestSupport

/// Accidents at random times, the same for the same seed: workers are killed and started again, connections are cut.
struct Storm {
    enum Accident: Hashable {
        case kill, cut, stall, leave
    }

    /// What happened.
    private(set) var cuts = 0
    private(set) var stalls = 0
    private(set) var exitCodes: [Int32] = []

    private let schedule: [(at: Duration, accident: Accident)]
    private var generator: SeededGenerator

    /// - Parameters:
    ///   - accidents: how many of each.
    ///   - duration: the time over which they are spread.
    init(accidents: [(Accident, Int)], over duration: Duration, generator: SeededGenerator) {
        var generator = generator
        let all = accidents.flatMap { Array(repeating: $0.0, count: $0.1) }.shuffled(using: &generator)
        // One to each slice of the time, anywhere in it.
        schedule = all.enumerated().map { index, accident in
            (duration / all.count * (Double(index) + Double.random(in: 0..<1, using: &generator)), accident)
        }
        self.generator = generator
    }

    /// Whether a worker only leaves once the group is at rest: the embedded brokers can leave partitions without a member for
    /// good when one leaves while the group is still busy with another (seen with confluent-kafka's Python consumers too).
    static var waitsForRest: Bool { Broker.Kind.available != [.given] }

    /// Lets the accidents happen, and starts workers again a moment after they are gone. Without a proxy nothing is cut.
    mutating func rage(among pool: WorkerPool, proxy: TCPProxy?) throws {
        let start = ContinuousClock.now
        var returns: [(at: ContinuousClock.Instant, place: Int)] = []
        for (time, accident) in schedule {
            let needsRest = accident == .leave && Self.waitsForRest
            let latest = max(start + time, .now) + (needsRest ? .seconds(40) : .zero)
            while ContinuousClock.now < start + time || needsRest && !pool.isAtRest && ContinuousClock.now < latest {
                for index in returns.indices.reversed() where returns[index].at <= .now {
                    try pool.start(returns.remove(at: index).place)
                }
                pool.look()
                pause(.milliseconds(needsRest ? 200 : 20))
            }
            switch accident {
            case .kill, .leave:
                guard let place = pool.occupied.randomElement(using: &generator) else { continue }
                if accident == .kill {
                    try pool.kill(place)
                } else if let code = try pool.stop(place) {
                    exitCodes.append(code)
                }
                returns.append((.now + .milliseconds(Int.random(in: 100...1_500, using: &generator)), place))
            case .cut:
                guard let proxy else { continue }
                proxy.cut()
                cuts += 1
            case .stall:
                guard let proxy else { continue }
                proxy.stall()
                pause(.milliseconds(Int.random(in: 200...2_000, using: &generator)))
                proxy.resume()
                stalls += 1
            }
        }
        for place in pool.vacant { try pool.start(place) }
    }
}
