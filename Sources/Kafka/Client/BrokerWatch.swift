import Logging
import Synchronization

/// Knows whether the brokers still answer: it asks them once a second, over connections of its own.
///
/// A broker that is frozen, or that the network has lost without a word, keeps its connections open, and librdkafka says
/// nothing before a request has waited for `socket.timeout.ms`, which is a minute. Whoever says that it is ready should
/// know sooner.
package final class BrokerWatch: Sendable {
    private struct State {
        /// Who is asked: the partition's leader; any broker while nil.
        var partition: TopicPartition?
        var lastAnswer = ContinuousClock.now
    }

    /// For how long the brokers may be silent.
    package let bound: Duration
    private let client: AdminClient
    private let wakeup: Wakeup
    private let isStopping = Atomic(false)
    private let state = Mutex(State())

    /// Makes a watch over the cluster that `client` asks, which may have other users. Until the bound has passed for the
    /// first time, the brokers are believed to answer.
    package init(_ client: AdminClient, bound: Duration = .seconds(5)) throws(KafkaError) {
        self.client = client
        self.bound = bound
        wakeup = try Wakeup()
    }

    /// Asks the leader of this partition from now on, and begins anew: it has just answered.
    package func watch(_ partition: TopicPartition) {
        state.withLock { $0 = State(partition: partition) }
    }

    /// What is wrong, one line that stays the same while it is; nil while the brokers answer.
    package var problem: String? {
        let state = state.withLock { $0 }
        guard ContinuousClock.now - state.lastAnswer > bound else { return nil }
        let who = state.partition.map { "the broker of \($0) has not" } ?? "no Kafka broker has"
        return "\(who) answered for \(bound.components.seconds) s"
    }

    /// Asks until ``stop()``. It blocks, so it needs a thread of its own.
    ///
    /// - Parameters:
    ///   - onChange: told when ``problem`` comes or goes.
    ///   - whenAnswered: other questions to the same brokers, after each that they have answered. It has to be back
    ///     well within the bound.
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

    /// Makes ``run(onChange:)`` return, once its question has been answered or given up. From any thread.
    package func stop() {
        isStopping.store(true, ordering: .relaxed)
        wakeup.signal()
    }
}
