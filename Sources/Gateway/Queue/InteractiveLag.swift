import Kafka
import Logging
import Synchronization
import Telemetry

/// How many records of the interactive lane its workers have not answered yet, as the queue tells it: known also when
/// no worker runs that could tell.
package final class InteractiveLag: Sendable {
    private struct State {
        var records: Int64?
        var nextLook = ContinuousClock.now
        var hasWarned = false
    }

    private static let interval = Duration.seconds(10)
    /// The thread that looks has more to do.
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

    /// The number at the last look; nil while it is not known, or no broker has answered for some time.
    package var records: Int64? {
        let state = state.withLock { $0 }
        return ContinuousClock.now < state.nextLook + Self.interval * 2 ? state.records : nil
    }

    /// Asks the brokers if it is time. Blocks for a second at most, so it is called on a thread that may wait.
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
            // What the connections meet, the readiness tells.
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
