package import Logging
import Synchronization
import Telemetry

/// Combines the state of everything that a call needs. Each part reports its own problems here. The result goes to the
/// exchange, and so to every route and probe, and to the log.
package final class Readiness: Sendable {
    /// What a call needs, in the order in which problems are reported.
    package enum Part: CaseIterable, Sendable {
        /// The brokers answer and the reply partition is assigned.
        case queue
        /// The file of API keys is readable. Never reported by a gateway without one.
        case keys
        /// The socket is bound.
        case server
    }

    private let exchange: Exchange
    private let logger: Logger
    private let problems: Mutex<[Part: String]>

    /// Starts with the queue and the server not ready.
    package init(exchange: Exchange, logger: Logger) {
        self.exchange = exchange
        self.logger = logger
        problems = Mutex([.queue: Self.starting, .server: Self.starting])
    }

    private static let starting = "the gateway is starting"

    /// Sets the problem of a part; nil if it works.
    package func set(_ part: Part, problem: String?) {
        problems.withLock { problems in
            let before = Self.first(of: problems)
            problems[part] = problem
            let after = Self.first(of: problems)
            guard before != after else { return }
            exchange.availability = after.map { .unavailable($0) } ?? .available
            if let after {
                // Startup is not a failure: the gateway has not been reported ready yet.
                if after != Self.starting { logger.warning("the gateway is not ready", [.reason: "\(after)"]) }
            } else {
                logger.notice("the gateway is ready")
            }
        }
    }

    private static func first(of problems: [Part: String]) -> String? {
        Part.allCases.lazy.compactMap { problems[$0] }.first
    }
}
