import CRdKafka
import Foundation
import Synchronization

/// Transactions, for a producer with a `transactional.id`. All on the thread that takes the delivery reports.
///
/// Every error says what to do: `isFatal`, make a new producer (in a new process, say); `isTransactionAbortable`, abort, go back
/// to where the transaction began and do it again; `isRetriable`, make the same call again.
extension Producer {
    /// Takes the `transactional.id` over: fences its older producers and finishes what they left open. Once, first.
    package func initializeTransactions(within: Duration) throws(KafkaError) {
        try KafkaError.check(
            consuming: rd_kafka_init_transactions(client.pointer, within.nativeMilliseconds), "initialize transactions")
    }

    /// Begins a transaction: every record sent from now on is part of it. Local.
    package func beginTransaction() throws(KafkaError) {
        try KafkaError.check(consuming: rd_kafka_begin_transaction(client.pointer), "begin transaction")
    }

    /// Adds the group's offsets (the last record's + 1) to the transaction: they are committed if it is.
    package func sendOffsets(
        _ offsets: [(TopicPartition, Int64)], group: borrowing ConsumerGroupMetadata, within: Duration
    ) throws(KafkaError) {
        guard !offsets.isEmpty else { return }
        let list = TopicPartitionList(offsets)
        try KafkaError.check(
            consuming: rd_kafka_send_offsets_to_transaction(
                client.pointer, list.pointer, group.pointer, within.nativeMilliseconds),
            "send offsets to transaction")
    }

    /// Waits for the reports of the transaction's records, hands them to `body`, and commits.
    ///
    /// If a record was not delivered, the error is abortable. If it throws an error that `isRetriable`, the commit goes on in the
    /// background: call this again for its outcome, and nothing else, not even to abort.
    package func commitTransaction(
        within: Duration, _ body: DeliveryReportHandler = { _, _, _, _ in }
    ) throws(KafkaError) {
        let deadline = ContinuousClock.now + within
        try flush(within: within, body)
        try KafkaError.check(
            consuming: rd_kafka_commit_transaction(
                client.pointer, ContinuousClock.now.duration(to: deadline).nativeMilliseconds),
            "commit transaction")
    }

    /// Drops what is queued, hands the reports to `body`, and aborts: no reader that is `read_committed` sees a record of it.
    ///
    /// If it throws an error that `isRetriable`, it goes on in the background: call it again for the outcome, and nothing else.
    package func abortTransaction(
        within: Duration, _ body: DeliveryReportHandler = { _, _, _, _ in }
    ) throws(KafkaError) {
        // The library purges its queue, then waits for reports that only this thread can take: so it waits on another. Many calls of
        // some milliseconds on this one would not do: up to 2.16 at least, one whose time is over before it has begun (its
        // `begin_abort`) leaves an answer behind that the next call takes for its own.
        let outcome = Outcome()
        Thread.detachNewThread { [self] in
            let result = Result { () throws(KafkaError) in
                try KafkaError.check(
                    consuming: rd_kafka_abort_transaction(client.pointer, within.nativeMilliseconds),
                    "abort transaction")
            }
            outcome.result.withLock { $0 = result }
            wakeup.signal()
        }
        var result: Result<Void, KafkaError>?
        repeat {
            result = outcome.result.withLock { $0 }
            receiveDeliveryReports(waiting: result == nil ? .milliseconds(20) : .zero, body)
        } while result == nil
        try result?.get()
    }

    private final class Outcome: Sendable {
        let result = Mutex<Result<Void, KafkaError>?>(nil)
    }
}
