import CRdKafka
import Foundation
import Synchronization

/// Transactions, for a producer with a `transactional.id`. Call from the thread that receives delivery reports.
///
/// Every error says what to do. `isFatal`: create a new producer (for example in a new process).
/// `isTransactionAbortable`: abort, seek back to where the transaction began and redo it. `isRetriable`: retry the same
/// call.
extension Producer {
    /// Acquires the `transactional.id`: fences older producers and finishes their open transactions. Call it once,
    /// first.
    package func initializeTransactions(within: Duration) throws(KafkaError) {
        try KafkaError.check(
            consuming: rd_kafka_init_transactions(client.pointer, within.nativeMilliseconds), "initialize transactions")
    }

    /// Begins a transaction, which includes every record sent from now on. Local.
    package func beginTransaction() throws(KafkaError) {
        try KafkaError.check(consuming: rd_kafka_begin_transaction(client.pointer), "begin transaction")
    }

    /// Adds the group's offsets (the last record's + 1) to the transaction. They are committed with it.
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

    /// Waits for the delivery reports of the transaction's records, passes them to `body`, and commits.
    ///
    /// If a record was not delivered, the error is abortable. After an `isRetriable` error the commit continues in the
    /// background: retry only this call to get the outcome, and do not abort.
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

    /// Purges queued records, passes the delivery reports to `body`, and aborts: `read_committed` consumers see none of
    /// its records.
    ///
    /// After an `isRetriable` error the abort continues in the background: retry only this call to get the outcome.
    package func abortTransaction(
        within: Duration, _ body: DeliveryReportHandler = { _, _, _, _ in }
    ) throws(KafkaError) {
        // The library purges its queue, then waits for reports that only this thread can take, so the call runs on
        // another thread. Repeated short calls on this thread would not work, up to at least 2.16: one that times out
        // before it has begun (its `begin_abort`) leaves an answer behind that the next call mistakes for its own.
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
