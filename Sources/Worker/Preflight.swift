import Glibc
import Kafka
import Logging

/// Checks before the lanes start that a broker answers and the topics exist, so that a missing one is reported in one
/// line instead of by many later failures.
struct Preflight {
    let configuration: WorkerConfiguration
    let logger: Logger

    /// The flags for the routes among the topics that are missing.
    private func routes(_ missing: [String]) -> String {
        configuration.replies.routes.filter { missing.contains($0.topic) }.map { " --route \($0.label)=\($0.topic)" }
            .joined()
    }

    /// Waits for a broker and the topics, at most ``WorkerConfiguration/startTimeout``. Blocks.
    ///
    /// - Parameter isStopping: called at least every few seconds; if it returns true, the check ends without a result.
    func check(isStopping: () -> Bool) throws(WorkerError) {
        do throws(KafkaError) {
            try KafkaLibrary.requireSupportedVersion()
        } catch {
            throw WorkerError(code: .clientFailed, message: "\(error)")
        }
        let needed = configuration.neededTopics
        let deadline = ContinuousClock.now + configuration.startTimeout
        var problem: WorkerError
        let admin: AdminClient
        do throws(KafkaError) {
            admin = try AdminClient(properties: configuration.kafka, log: KafkaLog(logger: logger))
        } catch {
            throw WorkerError(code: .clientFailed, message: "\(error)")
        }
        repeat {
            do throws(KafkaError) {
                let remaining = max(deadline - ContinuousClock.now, .milliseconds(100))
                let known = try admin.partitions(of: Array(needed), within: min(.seconds(5), remaining))
                let missing = needed.subtracting(known.keys).sorted()
                guard !missing.isEmpty else { return }
                problem = WorkerError(
                    code: .topicMissing,
                    message: "these topics do not exist: \(missing.joined(separator: ", ")). "
                        + "Make them with `triage topics create\(routes(missing))`.")
            } catch {
                problem = WorkerError(
                    code: .brokerUnavailable,
                    message: "no Kafka broker answers at \(configuration.kafka["bootstrap.servers"] ?? ""): "
                        + "\(error.message)\(error.remedy.map { "; \($0)" } ?? "")")
            }
            if isStopping() { return }
            usleep(250_000)
        } while ContinuousClock.now < deadline
        throw problem
    }
}
