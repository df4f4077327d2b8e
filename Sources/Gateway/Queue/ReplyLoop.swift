package import Kafka
import Platform
import Synchronization

/// The Kafka thread: it reads the reply partition, passes replies to the exchange in batches, processes delivery
/// reports, and recovers after the brokers have been down.
package final class ReplyLoop: Sendable {
    /// The maximum number of replies in a batch.
    private static let batch = 1_000
    /// The delay between attempts to reach the brokers.
    private static let retryInterval = Duration.milliseconds(250)

    private let configuration: GatewayConfiguration
    private let clients: KafkaClients
    private let transport: KafkaTransport
    private let bulk: KafkaBulkTransport
    private let exchange: Exchange
    private let readiness: Readiness
    private let isStopping = Atomic(false)

    package init(
        configuration: GatewayConfiguration, clients: KafkaClients, transport: KafkaTransport,
        bulk: KafkaBulkTransport, exchange: Exchange, readiness: Readiness
    ) {
        self.configuration = configuration
        self.clients = clients
        self.transport = transport
        self.bulk = bulk
        self.exchange = exchange
        self.readiness = readiness
    }

    /// Makes ``run()`` return soon. Thread-safe.
    package func stop() {
        isStopping.store(true, ordering: .relaxed)
        clients.wakeup.signal()
    }

    /// Runs until ``stop()``. It blocks, so it needs a thread of its own.
    package func run() throws(KafkaError) {
        let consumer = try clients.makeReplyConsumer()
        var assignment = ReplyAssignment(configuration: configuration)
        var isAvailable = false
        var nextAttempt = MonotonicTime(nanoseconds: 0)
        let reader = ReplyReader()
        while !isStopping.load(ordering: .relaxed) {
            if let reason = try clients.interruption.take() ?? (isAvailable ? clients.brokers.problem : nil) {
                readiness.set(.queue, problem: reason)
                isAvailable = false
                nextAttempt = MonotonicTime(nanoseconds: 0)
            }
            if !isAvailable, MonotonicTime.now >= nextAttempt {
                isAvailable = attempt(consumer, &assignment)
                nextAttempt = MonotonicTime.now.advanced(by: Self.retryInterval)
            }
            takeReports()
            if try takeReplies(consumer, reader, &assignment) { continue }
            clients.wakeup.wait(timeout: .milliseconds(100))
        }
        exchange.availability = .unavailable("the gateway is shutting down")
        consumer.close(within: .seconds(1))
    }

    /// Looks for the brokers and topics, and assigns the reply partition if needed.
    ///
    /// - Returns: whether requests can be sent and answered.
    private func attempt(_ consumer: Consumer, _ assignment: inout ReplyAssignment) -> Bool {
        do throws(GatewayError) {
            transport.answer(to: try assignment.establish(consumer, clients))
            readiness.set(.queue, problem: nil)
            return true
        } catch {
            readiness.set(.queue, problem: error.detail)
            return false
        }
    }

    private func takeReports() {
        var failures: [(token: Flight.Token, error: GatewayError)] = []
        clients.interactive.receiveDeliveryReports { token, error, _, _ in
            guard let error else { return }
            failures.append((Flight.Token(rawValue: token), GatewayError(delivering: error)))
        }
        if !failures.isEmpty { exchange.fail(failures) }
        bulk.takeReports()
    }

    /// Processes a batch of replies. Returns false if there were none.
    private func takeReplies(
        _ consumer: Consumer, _ reader: ReplyReader, _ assignment: inout ReplyAssignment
    ) throws(KafkaError) -> Bool {
        guard assignment.isHeld else { return false }
        let batch = try consumer.receive(maximum: Self.batch)
        if batch.isEmpty { return false }
        var replies: [ReceivedReply] = []
        replies.reserveCapacity(batch.count)
        for index in 0..<batch.count {
            let record = batch.record(at: index)
            assignment.passed(record.offset)
            if let reply = reader.reply(in: record) { replies.append(reply) }
        }
        exchange.receive(replies)
        return true
    }
}
