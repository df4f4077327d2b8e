import Kafka
import Logging
import Synchronization
import Telemetry

/// The consumer lag of the interactive lane. It is read from the brokers, so it is known even if no worker runs.
package final class InteractiveLag: Sendable {
    private struct State {
        var records: Int64?
        var nextLook = ContinuousClock.now
        var hasWarned = false
    }

    private static let interval = Duration.seconds(10)
    /// Short, because the calling thread has other work.
    private static let patience = Duration.seconds(1)

    private let admin: AdminClient
    private let group: String
    private let topic: String
    private let logger: Logger
    private let state = Mutex(State())

    init(_ admin: AdminClient, group: String, topic: String, logger: Logger) {
        self.admin = admin
        self.group = group
        self.topic = topic
        self.logger = logger
    }

    /// The lag at the last query; nil while unknown or if the brokers have not answered for some time.
    package var records: Int64? {
        let state = state.withLock { $0 }
        return ContinuousClock.now < state.nextLook + Self.interval * 2 ? state.records : nil
    }

    /// Queries the brokers if it is time. Blocks for up to a second, so it must not run on an event loop.
    func look() {
        let now = ContinuousClock.now
        guard state.withLock({ $0.nextLook <= now }) else { return }
        let outcome: Result<Int64?, KafkaError>
        do throws(KafkaError) {
            let lags = try admin.lag(of: group, in: topic, within: Self.patience)
            outcome = .success(lags?.reduce(0) { $0 + $1.records })
        } catch {
            outcome = .failure(error)
        }
        let problem: KafkaError? = state.withLock { state in
            state.nextLook = now + Self.interval
            state.records = try? outcome.get()
            // Connection errors are reported through readiness.
            guard case .failure(let error) = outcome, !error.code.isAboutConnection, error.code != .timedOut,
                !state.hasWarned
            else { return nil }
            state.hasWarned = true
            return error
        }
        if let problem {
            logger.warning(
                "the lag of the interactive lane is not known; may this user describe the group?",
                [.group: "\(group)", .reason: "\(problem.message)"])
        }
    }
}
