import CRdKafka

/// Transactions, for a producer with a `transactional.id`. All on the thread that takes the delivery reports.
///
/// Every error says what to do: `isFatal`, make a new producer (in a new process, say); `isTransactionAbortable`, abort, go back
/// to where the transaction began and do it again; `isRetriable`, make the same call again.
extension Producer {
    /// Takes the `transactional.id` over: fences its older producers and finishes what they left open. Once, first.
    public func initializeTransactions(within: Duration) throws(KafkaError) {
        try KafkaError.check(
            consuming: rd_kafka_init_transactions(client.pointer, within.milliseconds), "initialize transactions")
    }

    /// Begins a transaction: every record sent from now on is part of it. Local.
    public func beginTransaction() throws(KafkaError) {
        try KafkaError.check(consuming: rd_kafka_begin_transaction(client.pointer), "begin transaction")
    }

    /// Adds the group's offsets (the last record's + 1) to the transaction: they are committed if it is.
    public func sendOffsets(
        _ offsets: [(TopicPartition, Int64)], group: borrowing ConsumerGroupMetadata, within: Duration
    ) throws(KafkaError) {
        guard !offsets.isEmpty else { return }
        let list = TopicPartitionList(offsets)
        try KafkaError.check(
            consuming: rd_kafka_send_offsets_to_transaction(
                client.pointer, list.pointer, group.pointer, within.milliseconds),
            "send offsets to transaction")
    }

    /// Waits for the reports of the transaction's records, hands them to `body`, and commits.
    ///
    /// If a record was not delivered, the error is abortable.
    public func commitTransaction(
        within: Duration, _ body: DeliveryReportHandler = { _, _, _, _ in }
    ) throws(KafkaError) {
        let deadline = ContinuousClock.now + within
        try flush(within: within, body)
        try KafkaError.check(
            consuming: rd_kafka_commit_transaction(
                client.pointer, ContinuousClock.now.duration(to: deadline).milliseconds),
            "commit transaction")
    }

    /// Drops what is queued, hands the reports to `body`, and aborts: no reader that is `read_committed` sees a record of it.
    public func abortTransaction(
        within: Duration, _ body: DeliveryReportHandler = { _, _, _, _ in }
    ) throws(KafkaError) {
        let deadline = ContinuousClock.now + within
        while true {
            receiveDeliveryReports(body)
            let remaining = ContinuousClock.now.duration(to: deadline)
            // The library purges its queue, then waits for reports that only this thread can take: give it short turns.
            let turn = queuedCount > 0 ? min(remaining, .milliseconds(20)) : remaining
            do throws(KafkaError) {
                return try KafkaError.check(
                    consuming: rd_kafka_abort_transaction(client.pointer, turn.milliseconds), "abort transaction")
            } catch {
                guard error.code == .timedOut, error.isRetriable, ContinuousClock.now < deadline else { throw error }
            }
        }
    }
}
