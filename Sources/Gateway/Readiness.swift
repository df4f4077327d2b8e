package import Logging
import Synchronization
import Telemetry

/// The one place where it comes together whether a call would be answered. What a call needs tells its own part here; the
/// exchange, and with it every route and probe, and the log are told the whole.
package final class Readiness: Sendable {
    /// What a call needs, in the order in which a lack of them is told.
    package enum Part: CaseIterable, Sendable {
        /// The brokers answer, and the reply partition is read.
        case queue
        /// The file of API keys can be read; a gateway without one has no such part.
        case keys
        /// The socket is bound.
        case server
    }

    private let exchange: Exchange
    private let logger: Logger
    private let problems: Mutex<[Part: String]>

    /// Neither the queue nor the server is there yet.
    package init(exchange: Exchange, logger: Logger) {
        self.exchange = exchange
        self.logger = logger
        problems = Mutex([.queue: Self.starting, .server: Self.starting])
    }

    private static let starting = "the gateway is starting"

    /// Notes what keeps a part from serving, nil for nothing.
    package func set(_ part: Part, problem: String?) {
        problems.withLock { problems in
            let before = Self.first(of: problems)
            problems[part] = problem
            let after = Self.first(of: problems)
            guard before != after else { return }
            exchange.availability = after.map { .unavailable($0) } ?? .available
            if let after {
                // Before that, nobody has been told that it is ready.
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
