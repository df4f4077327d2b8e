import Logging
import Synchronization

/// Watches whether the brokers still answer: asks them once a second over its own connections.
///
/// A frozen broker, or one that the network silently lost, keeps its connections open, and librdkafka reports nothing
/// until a request exceeds `socket.timeout.ms`, one minute. A readiness check should know sooner.
package final class BrokerWatch: Sendable {
    private struct State {
        /// The partition whose leader is asked; nil asks any broker.
        var partition: TopicPartition?
        var lastAnswer = ContinuousClock.now
    }

    /// How long the brokers may be silent.
    package let bound: Duration
    private let client: AdminClient
    private let wakeup: Wakeup
    private let isStopping = Atomic(false)
    private let state = Mutex(State())

    /// Creates a watch over the cluster of `client`, which may be shared. Until the bound has first passed, the brokers
    /// are assumed to answer.
    package init(_ client: AdminClient, bound: Duration = .seconds(5)) throws(KafkaError) {
        self.client = client
        self.bound = bound
        wakeup = try Wakeup()
    }

    /// Asks this partition's leader from now on. Restarts the bound, as the leader has just answered.
    package func watch(_ partition: TopicPartition) {
        state.withLock { $0 = State(partition: partition) }
    }

    /// The problem as one line that stays the same while it lasts; nil while the brokers answer.
    package var problem: String? {
        let state = state.withLock { $0 }
        guard ContinuousClock.now - state.lastAnswer > bound else { return nil }
        let who = state.partition.map { "the broker of \($0) has not" } ?? "no Kafka broker has"
        return "\(who) answered for \(bound.components.seconds) s"
    }

    /// Polls until ``stop()``. Blocks, so it needs its own thread.
    ///
    /// - Parameters:
    ///   - onChange: called when ``problem`` appears or disappears.
    ///   - whenAnswered: further requests to the same brokers, made after each answer. Must return well within the
    ///     bound.
    package func run(onChange: (_ problem: String?) -> Void = { _ in }, whenAnswered: () -> Void = {}) {
        var known: String?
        while !isStopping.load(ordering: .relaxed) {
            let partition = state.withLock { $0.partition }
            if client.isAnswered(by: partition, within: bound * 0.4) {
                state.withLock { $0.lastAnswer = max($0.lastAnswer, .now) }
                whenAnswered()
            }
            let problem = problem
            if problem != known { onChange(problem) }
            known = problem
            wakeup.wait(timeout: bound * 0.2)
        }
    }

    /// Makes ``run(onChange:whenAnswered:)`` return after its current request. From any thread.
    package func stop() {
        isStopping.store(true, ordering: .relaxed)
        wakeup.signal()
    }
}
